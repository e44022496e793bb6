import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HttpRequest, HttpResponse } from "../../../src/registry/http/send.ts";
import { IDLE_SOCKET_TIMEOUT_MS } from "../../../src/registry/transport/connection.ts";
import type { ConnectionOptions } from "../../../src/registry/transport/connection-options.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { quiet } from "../../async/idle-time.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { httpServer, rawServer, type ScriptedServer } from "../support/raw-server.ts";

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await setImmediate();
};
const read = async (answer: Promise<HttpResponse>): Promise<string> =>
  Buffer.from(await (await answer).body.bytes(100)).toString();

const get = (server: ScriptedServer, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "GET",
  url: `${server.origin}/`,
  ...more,
});

describe("connections that are opened before they are needed", () => {
  const keep = closingAfterEach();
  afterEach(() => {
    vi.useRealTimers(); // before anything is closed: a hook that comes later runs first
  });
  const transportWith = (options: ConnectionOptions = {}): Transport => {
    const transport = createTransport(options);
    keep({ [Symbol.asyncDispose]: () => transport.close() });
    return transport;
  };

  it("stand before the answer comes, and serve what follows", async () => {
    const gate = Promise.withResolvers<void>();
    const server = keep(await httpServer((_, response) => void gate.promise.then(() => response.end("ok"))));
    const transport = transportWith();
    const manifest = read(transport.send(get(server, { followedBy: 6 })));
    await until(() => server.connections() === 7);
    gate.resolve();
    const blobs = Array.from({ length: 6 }, () => read(transport.send(get(server, { bulk: true }))));
    expect(await Promise.all([manifest, ...blobs])).toEqual(Array.from({ length: 7 }, () => "ok"));
    expect(server.connections()).toBe(7);
  });

  it.each([
    ["the sockets of a host", { maxSocketsPerHost: 3 }],
    ["the sockets of all", { maxSockets: 3 }],
  ])("are no more than %s", async (_what, options) => {
    const server = keep(await httpServer((_, response) => response.end("ok")));
    const transport = transportWith(options);
    expect(await read(transport.send(get(server, { followedBy: 6 })))).toBe("ok");
    const all = Array.from({ length: 10 }, () => read(transport.send(get(server))));
    expect(await Promise.all(all)).toHaveLength(10);
    expect(server.connections()).toBeLessThanOrEqual(3);
  });

  it("are not opened where there are enough that nobody uses", async () => {
    const server = keep(await httpServer((_, response) => response.end("ok")));
    const transport = transportWith();
    await read(transport.send(get(server, { followedBy: 6 })));
    await until(() => server.connections() === 7);
    await read(transport.send(get(server, { followedBy: 6 })));
    await Promise.all(Array.from({ length: 7 }, () => read(transport.send(get(server)))));
    expect(server.connections()).toBe(7);
  });

  it("may be closed by the server meanwhile: what is sent over one goes out once more", async () => {
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const asked: Socket[] = [];
    const server = keep(
      await rawServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", () => {
          const count = asked.push(socket);
          if (count === 2) socket.resetAndDestroy();
          if (count > 2) socket.write(answer);
        });
      }),
    );
    const transport = transportWith();
    const first = read(transport.send(get(server, { followedBy: 1 })));
    await until(() => asked.length === 1 && server.connections() === 2);
    expect(await read(transport.send(get(server, { bulk: true })))).toBe("ok");
    expect(server.connections()).toBe(3);
    asked[0]?.write(answer);
    expect(await first).toBe("ok");
  });

  it("end when nobody has used them for a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const server = keep(await httpServer((_, response) => response.end("ok")));
    const transport = transportWith();
    await read(transport.send(get(server, { followedBy: 2 })));
    await until(() => server.sockets.size === 3);
    await quiet();
    await vi.advanceTimersByTimeAsync(IDLE_SOCKET_TIMEOUT_MS);
    await until(() => server.sockets.size <= 1);
    expect(await read(transport.send(get(server)))).toBe("ok");
  });

  it("that cannot be opened are nobody's failure", async () => {
    const server = await httpServer((_, response) => {
      response.end("ok", () => void server[Symbol.asyncDispose]());
    });
    const transport = transportWith();
    const answer = transport.send(get(server, { followedBy: 6 }));
    expect(await read(answer)).toBe("ok");
    const next = await httpServer((_, response) => response.end("ok"));
    keep(next);
    expect(await read(transport.send(get(next)))).toBe("ok");
  });
});
