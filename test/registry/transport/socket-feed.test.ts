import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  READING_BESIDE_OTHERS,
  readingAlone,
  readingMuch,
  SocketFeed,
} from "../../../src/registry/transport/socket-feed.ts";
import { selfSigned } from "../../../src/testing/certificates/self-signed.ts";

const MIB = 1024 * 1024;

it.each([
  { where: "beside others", reading: READING_BESIDE_OTHERS, stepBytes: MIB },
  { where: "in a thread that receives much", reading: readingMuch(), stepBytes: 4 * MIB },
  { where: "alone", reading: readingAlone(), stepBytes: 4 * MIB },
])(
  "lets everybody else have a turn $where, however fast a socket is, and loses nothing",
  async ({ reading, stepBytes }) => {
    const server = createServer((socket) => void socket.end(Buffer.alloc(32 * MIB, "x")));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const feed = new SocketFeed({ secure: false, reading });
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: "127.0.0.1", onread: feed.onread });
    feed.attach(socket);

    let [total, inTurn, mostInTurn] = [0, 0, 0];
    socket.on("readable", () => {
      for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
        total += chunk.length;
        inTurn += chunk.length;
      }
    });
    const turn = (): void => {
      mostInTurn = Math.max(mostInTurn, inTurn);
      inTurn = 0;
      if (!socket.closed) setImmediate(turn);
    };
    setImmediate(turn);
    await once(socket, "close");
    await new Promise((resolve) => server.close(resolve));
    expect(total).toBe(32 * MIB);
    expect(mostInTurn).toBeLessThan(reading.turnBytes + stepBytes);
  },
);

describe("SocketFeed of a TLS socket", () => {
  const certificate = selfSigned();

  it("gives many records at once, and all of them before the end", async () => {
    const { chunks, bytes, received } = await receive(randomBytes(4 * MIB), () => false);
    expect(received).toEqual(bytes);
    expect(chunks).toBeLessThan((4 * MIB) / (16 * 1024) / 2);
  });

  it.each([
    { where: "in a thread that receives much", reading: readingMuch },
    { where: "alone", reading: readingAlone },
  ])("has no memory that only plain sockets read into, $where", ({ reading }) => {
    const before = process.memoryUsage().arrayBuffers;
    const feed = new SocketFeed({ secure: true, reading: reading() });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
    expect(feed.isShared(new Uint8Array())).toBe(false);
  });

  it("keeps what is held up as it is, and loses nothing", async () => {
    const pauses = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(pauses, fc.integer({ min: 0, max: MIB }), async (held, length) => {
        const { bytes, received } = await receive(
          randomBytes(length),
          (at) => held[at % held.length] === true,
        );
        expect(received).toEqual(bytes);
      }),
      { numRuns: Number(process.env["DRAYAGE_FEED_RUNS"] ?? 10) },
    );
  });

  /** Receives bytes, holds up after the chunks that `isHeld` names, and looks at each for as long as it is valid. */
  async function receive(sent: Buffer, isHeld: (chunk: number) => boolean) {
    const server = createTlsServer(certificate, (socket) => void socket.end(sent));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const feed = new SocketFeed({ secure: true, reading: READING_BESIDE_OTHERS });
    const { port } = server.address() as AddressInfo;
    const how = { port, host: "127.0.0.1", onread: feed.onread }; // Node's types do not know that TLS takes it as well
    const socket = connectTls({ ...how, rejectUnauthorized: false });
    feed.attach(socket);
    const hash = createHash("sha256");
    let [chunks, length] = [0, 0];
    let goOn: (() => void) | undefined;
    feed.divert((chunk) => {
      length += chunk.length;
      if (!isHeld(chunks++)) {
        hash.update(chunk);
        return;
      }
      feed.holdUp();
      goOn = () => {
        goOn = undefined;
        hash.update(chunk);
        feed.goOn();
      };
      setTimeout(() => goOn?.(), 1);
    });
    feed.goOn();
    await once(socket, "close");
    for (let next = goOn; next; next = goOn) next(); // each may give another one that is held up
    await new Promise((resolve) => server.close(resolve));
    const digestOfSent = createHash("sha256").update(sent).digest("hex");
    const received = { length, digest: hash.digest("hex") };
    return { chunks, received, bytes: { length: sent.length, digest: digestOfSent } };
  }
});
