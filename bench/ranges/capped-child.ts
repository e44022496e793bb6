/**
 * Passes connections on, no faster than so many bytes per second for each, and for all together:
 * `capped-child.ts <target port> <bytes per second for each> <for all> <slow>`. The
 * connection with the number `slow` (of those that carry more than `LARGE_BYTES`, counted from 0; -1 for none) has a twentieth of that.
 * Prints its port, and for each line that comes in how many such connections there were, and forgets them.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

const [target = 0, rate = 0, total = 0, slow = -1] = process.argv.slice(2).map(Number);

/** How often something is passed on, in milliseconds. */
const PULSE_MS = 5;

/** What is taken ahead of a client, in bytes: the line is the limit, not what comes after it. */
const AHEAD_BYTES = 1024 * 1024;

/** What a client has to have taken for its connection to count. */
const LARGE_BYTES = 1024 * 1024;

const SLOW_PART = 1 / 20;

let large = 0;

/** What all may pass on now. */
const all = { bytes: 0, atMs: performance.now() };

function refill(nowMs: number): void {
  all.bytes = Math.min(all.bytes + (total * (nowMs - all.atMs)) / 1_000, total / 20);
  all.atMs = nowMs;
}

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: target, host: "127.0.0.1", noDelay: true });
  client.pipe(upstream);
  client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy());
  upstream.on("error", () => client.destroy());
  passOn(upstream, client);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

for await (const _ of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify({ connections: large })}\n`);
  large = 0;
}
process.exit();

function passOn(from: Socket, to: Socket): void {
  const waiting: Buffer[] = [];
  let [waitingBytes, passedBytes, allowedBytes, own] = [0, 0, 0, rate];
  let lastMs = performance.now();
  from.on("data", (bytes) => {
    waiting.push(bytes);
    waitingBytes += bytes.length;
    if (waitingBytes >= AHEAD_BYTES) from.pause();
  });
  const timer = setInterval(() => {
    const nowMs = performance.now();
    // What was not used is lost: a connection that was idle is no faster afterwards.
    allowedBytes = Math.min(allowedBytes + (own * (nowMs - lastMs)) / 1_000, own / 10);
    lastMs = nowMs;
    refill(nowMs);
    while (Math.min(allowedBytes, all.bytes) >= 1 && waiting[0] && to.writableLength < AHEAD_BYTES) {
      const [first] = waiting;
      const piece = first.subarray(0, Math.floor(Math.min(allowedBytes, all.bytes)));
      if (piece.length === first.length) waiting.shift();
      else waiting[0] = first.subarray(piece.length);
      waitingBytes -= piece.length;
      allowedBytes -= piece.length;
      all.bytes -= piece.length;
      if (passedBytes < LARGE_BYTES && passedBytes + piece.length >= LARGE_BYTES && large++ === slow) {
        own *= SLOW_PART;
      }
      passedBytes += piece.length;
      to.write(piece);
    }
    if (waitingBytes < AHEAD_BYTES) from.resume();
    if (from.readableEnded && waitingBytes === 0) to.end();
  }, PULSE_MS);
  to.on("close", () => clearInterval(timer));
}
