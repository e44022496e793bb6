import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, it } from "vitest";
import {
  READING_ALONE,
  READING_BESIDE_OTHERS,
  SocketFeed,
} from "../../../src/registry/transport/socket-feed.ts";

const MIB = 1024 * 1024;

it.each([
  { where: "beside others", sizes: READING_BESIDE_OTHERS },
  { where: "alone", sizes: READING_ALONE },
])(
  "lets everybody else have a turn $where, however fast a socket is, and loses nothing",
  async ({ sizes }) => {
    const server = createServer((socket) => void socket.end(Buffer.alloc(32 * MIB, "x")));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const feed = new SocketFeed({ secure: false, sizes });
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
    expect(mostInTurn).toBeLessThan(sizes.turnBytes + MIB);
  },
);
