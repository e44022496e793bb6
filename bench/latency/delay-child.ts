/** Passes connections on and delays every byte, both ways: `delay-child.ts <target port> <ms>`. Prints its port. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const [target, delayMs] = process.argv.slice(2).map(Number);

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: target ?? 0, host: "127.0.0.1", noDelay: true });
  passOn(client, upstream);
  passOn(upstream, client);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

function passOn(from: Socket, to: Socket): void {
  from.on("data", (bytes) => void setTimeout(() => to.destroyed || to.write(bytes), delayMs));
  from.on("end", () => void setTimeout(() => to.end(), delayMs));
  from.on("error", () => to.destroy());
}
