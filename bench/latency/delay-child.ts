/**
 * Passes connections on and delays every byte, both ways: `delay-child.ts <target port> <ms>`. Prints its port, and for each line
 * that comes in how many connections and requests of HTTP/1.1 there were since the last one, as JSON.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

const [target, delayMs] = process.argv.slice(2).map(Number);
let seen = { connections: 0, requests: 0 };

const server = createServer({ noDelay: true }, (client) => {
  seen.connections++;
  const upstream = connect({ port: target ?? 0, host: "127.0.0.1", noDelay: true });
  client.on("data", (bytes) => (seen.requests += bytes.toString("latin1").split(" HTTP/1.1\r\n").length - 1));
  passOn(client, upstream);
  passOn(upstream, client);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

for await (const _ of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify(seen)}\n`);
  seen = { connections: 0, requests: 0 };
}
process.exit();

function passOn(from: Socket, to: Socket): void {
  from.on("data", (bytes) => void setTimeout(() => to.destroyed || to.write(bytes), delayMs));
  from.on("end", () => void setTimeout(() => to.end(), delayMs));
  from.on("error", () => to.destroy());
}
