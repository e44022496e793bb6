import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HttpRequest, HttpResponse } from "../../../src/registry/http/send.ts";
import type { ConnectionOptions } from "../../../src/registry/transport/connection-options.ts";
import { TURN_PATIENCE_MS } from "../../../src/registry/transport/exchange.ts";
import { FIRST_REST_MS, MAX_PIPELINED } from "../../../src/registry/transport/pipelining.ts";
import { createTransport, type Transport } from "../../../src/registry/transport/transport.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { httpServer, rawServer, type ScriptedServer } from "../support/raw-server.ts";

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await setImmediate();
};
const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await setImmediate();
};
const read = async (answer: Promise<HttpResponse>): Promise<string> =>
  Buffer.from(await (await answer).body.bytes(1_000_000)).toString();

/** A request that a server has got. */
interface Got {
  readonly path: string;
  readonly socket: Socket;
  /** Sends this body; or these bytes as they are. */
  answer(body: string): void;
  send(bytes: string): void;
}

interface LineServer extends ScriptedServer {
  /** All that it has got, and has not answered, oldest first. */
  readonly got: Got[];
}

/** A server that tells of each request as soon as it is there, whatever it has yet to answer; `/document` it answers itself. */
async function lineServer(): Promise<LineServer> {
  const got: Got[] = [];
  const server = await rawServer((socket) => {
    socket.on("error", () => {}); // the client may hang up
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const [, path = ""] = /^GET (\S+) HTTP/.exec(text) ?? [];
        text = text.slice(end + 4);
        const send = (what: string): void => void socket.write(what);
        const request = { path, socket, send, answer: (body: string) => send(okay(body)) };
        if (path === "/document") request.answer("document");
        else got.push(request);
      }
    });
  });
  return { ...server, got };
}

const okay = (body: string, more = ""): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;

const paths = ({ got }: LineServer): readonly string[] => got.map(({ path }) => path);
const answerNext = async ({ got }: LineServer): Promise<void> => {
  await until(() => got.length > 0);
  const next = got.shift();
  next?.answer(next.path);
};

describe("requests for short answers", () => {
  const keep = closingAfterEach();
  afterEach(() => {
    vi.useRealTimers(); // before anything is closed: a hook that comes later runs first
  });

  interface Scene {
    readonly server: LineServer;
    readonly transport: Transport;
    readonly clock: FakeClock;
    ask(path: string, more?: Partial<HttpRequest>): Promise<string>;
    askAll(count: number): Array<Promise<string>>;
  }
  /** One connection for blobs, at a host that has kept one open before. */
  const scene = async (options: ConnectionOptions = {}, known = true): Promise<Scene> => {
    const server = keep(await lineServer());
    const clock = new FakeClock();
    const transport = createTransport({ maxSocketsPerHost: 1, ...options }, { clock });
    keep({ [Symbol.asyncDispose]: () => transport.close() });
    const get = (path: string, more: Partial<HttpRequest>): Promise<string> =>
      read(transport.send({ method: "GET", url: `${server.origin}${path}`, ...more }));
    if (known) {
      await get("/document", {});
      await turns();
    }
    const ask: Scene["ask"] = (path, more) => get(path, { bulk: true, brief: true, ...more });
    const askAll: Scene["askAll"] = (count) => Array.from({ length: count }, (_, at) => ask(`/${at}`));
    return { server, transport, clock, ask, askAll };
  };

  /** Two more requests, of which the second waits for the answer to the first. */
  async function expectOneByOne({ server, ask }: Pick<Scene, "server" | "ask">): Promise<void> {
    const alone = [ask("/a"), ask("/b")];
    await until(() => server.got.length === 1);
    await turns();
    expect(paths(server)).toEqual(["/a"]);
    await answerNext(server);
    await answerNext(server);
    await Promise.all(alone);
  }
  it("go over one connection together, and are answered in their order", async () => {
    const { server, askAll } = await scene();
    const answers = askAll(10);
    await until(() => server.got.length === MAX_PIPELINED);
    await turns();
    expect(paths(server)).toEqual(["/0", "/1", "/2", "/3"]);
    for (let at = 0; at < 10; at++) {
      await until(() => server.got.length === Math.min(MAX_PIPELINED, 10 - at));
      await answerNext(server);
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 10 }, (_, at) => `/${at}`));
    expect(server.connections()).toBe(1);
  });

  it.each(["all at once", "byte by byte"])("may be answered %s", async (how) => {
    const { server, askAll } = await scene();
    const answers = askAll(4);
    await until(() => server.got.length === 4);
    const all = server.got.map(({ path }) => okay(`HTTP/1.1 100 ${path.repeat(20)}`)).join("");
    if (how === "all at once") server.got[0]?.send(all);
    else {
      for (const byte of all) {
        server.got[0]?.send(byte);
        await setImmediate();
      }
    }
    expect(await Promise.all(answers)).toEqual(
      Array.from({ length: 4 }, (_, at) => `HTTP/1.1 100 ${`/${at}`.repeat(20)}`),
    );
  });

  it("spread over the connections that there may be before they share any", async () => {
    const { server, askAll } = await scene({ maxSocketsPerHost: 4 });
    const answers = askAll(8);
    await until(() => server.got.length === 8);
    const each = Map.groupBy(server.got, ({ socket }) => socket);
    expect([...each.values()].filter(({ length }) => length === 2)).toHaveLength(1);
    expect([...each.values()].filter(({ length }) => length === 3)).toHaveLength(2);
    while (server.got.length > 0) await answerNext(server);
    await Promise.all(answers);
  });

  it("go one by one to a host that has not kept a connection open", async () => {
    const { server, askAll } = await scene({}, false);
    const answers = askAll(2);
    await until(() => server.got.length === 1);
    await turns();
    expect(paths(server)).toEqual(["/0"]);
    await answerNext(server);
    await answerNext(server);
    expect(await Promise.all(answers)).toEqual(["/0", "/1"]);
  });

  it.each<[string, ConnectionOptions, Partial<HttpRequest>]>([
    ["nobody wants them to", { pipelining: false }, {}],
    ["other answers may be long", {}, { brief: false }],
    [
      "others have to give way",
      {},
      { flow: { open: openFlow, isHeld: false, cut() {} } as HttpRequest["flow"] },
    ],
  ])("go one by one where %s", async (_why, options, more) => {
    const { server, ask } = await scene(options);
    const answers = [ask("/0", more), ask("/1", more)];
    await until(() => server.got.length === 1);
    await turns();
    expect(paths(server)).toEqual(["/0"]);
    await answerNext(server);
    await answerNext(server);
    expect(await Promise.all(answers)).toEqual(["/0", "/1"]);
  });

  it("leave room for a document", async () => {
    const { server, transport, askAll } = await scene({ maxSocketsPerHost: 2 });
    const answers = askAll(6);
    await until(() => server.got.length === 4);
    const document = transport.send({ method: "GET", url: `${server.origin}/document` });
    expect(await read(document)).toBe("document");
    for (let at = 0; at < 6; at++) await answerNext(server);
    await Promise.all(answers);
  });

  it("are sent again when the server closes the connection behind an answer, and then one by one for a while", async () => {
    const { server, askAll, ask, clock } = await scene();
    const answers = askAll(4);
    await until(() => server.got.length === 4);
    server.got[0]?.send(okay("/0", "connection: close\r\n"));
    server.got[0]?.socket.end();
    expect(await answers[0]).toBe("/0");
    server.got.splice(0);
    for (let at = 1; at < 4; at++) {
      await until(() => server.got.length > 0);
      await turns();
      expect(server.got).toHaveLength(1);
      await answerNext(server);
    }
    expect(await Promise.all(answers)).toEqual(["/0", "/1", "/2", "/3"]);

    await expectOneByOne({ server, ask });

    clock.advance(FIRST_REST_MS);
    const together = [ask("/c"), ask("/d")];
    await until(() => server.got.length === 2);
    await answerNext(server);
    await answerNext(server);
    await Promise.all(together);
  });

  it("behind one whose answer breaks off are sent again, and that one alone has failed", async () => {
    const { server, transport, ask } = await scene();
    const first = transport.send({ method: "GET", url: `${server.origin}/0`, bulk: true, brief: true });
    const answers = [ask("/1"), ask("/2")];
    await until(() => server.got.length === 3);
    server.got[0]?.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    const { body } = await first; // its answer has begun: nobody asks again for that
    server.got[0]?.socket.destroy();
    server.got.splice(0);
    await expect(body.bytes(10)).rejects.toMatchObject({ name: "ErrUnavailable", retryable: true });
    await answerNext(server);
    await answerNext(server);
    expect(await Promise.all(answers)).toEqual(["/1", "/2"]);
  });

  it("are sent again when the server takes no notice of what is behind the first", async () => {
    const { server, askAll } = await scene();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const answers = askAll(3);
    await until(() => server.got.length === 3);
    await answerNext(server);
    server.got.splice(0);
    expect(await answers[0]).toBe("/0");
    await turns();
    await vi.advanceTimersByTimeAsync(TURN_PATIENCE_MS);
    await answerNext(server);
    await answerNext(server);
    expect(await Promise.all(answers)).toEqual(["/0", "/1", "/2"]);
    expect(server.connections()).toBe(2);
  });

  it.each([
    ["a refusal", "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno"],
    ["what says that nothing is there", "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno"],
    ["what is no HTTP", "I do not know what you want\r\n\r\n"],
    ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\n"],
  ])("are sent again when %s comes for what is behind the first", async (_what, bytes) => {
    const { server, askAll } = await scene();
    const answers = askAll(2);
    await until(() => server.got.length === 2);
    const [first, second] = server.got.splice(0);
    first?.answer("/0");
    expect(await answers[0]).toBe("/0");
    second?.send(bytes);
    await answerNext(server);
    expect(await answers[1]).toBe("/1");
  });

  it("get a refusal that holds when they are alone, too", async () => {
    const { server, transport, ask } = await scene();
    const first = ask("/0");
    const second = transport.send({ method: "GET", url: `${server.origin}/1`, bulk: true, brief: true });
    await until(() => server.got.length === 2);
    const no = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno";
    const [one, other] = server.got.splice(0);
    one?.answer("/0");
    await first;
    other?.send(no);
    await until(() => server.got.length === 1);
    server.got.shift()?.send(no);
    const { status, doubt, body } = await second;
    await body.discard();
    expect({ status, doubt }).toEqual({ status: 404, doubt: undefined });
  });

  it("that nobody wants any more let those before and behind them come", async () => {
    const { server, ask } = await scene();
    const stop = new AbortController();
    const answers = [ask("/0"), ask("/1", { signal: stop.signal }), ask("/2")];
    await until(() => server.got.length === 3);
    stop.abort();
    await expect(answers[1]).rejects.toMatchObject({ name: "ErrCanceled" });
    for (let at = 0; at < 3; at++) await answerNext(server);
    expect([await answers[0], await answers[2]]).toEqual(["/0", "/2"]);
    expect(server.connections()).toBe(1);
  });

  it("are sent again together when the first is given up", async () => {
    const { server, ask } = await scene();
    const stop = new AbortController();
    const answers = [ask("/0", { signal: stop.signal }), ask("/1"), ask("/2")];
    await until(() => server.got.length === 3);
    server.got.splice(0);
    stop.abort();
    await expect(answers[0]).rejects.toMatchObject({ name: "ErrCanceled" });
    for (let at = 0; at < 2; at++) await answerNext(server);
    expect(await Promise.all(answers.slice(1))).toEqual(["/1", "/2"]);

    const more = [ask("/a"), ask("/b")]; // it was not the host's fault
    await until(() => server.got.length === 2);
    for (let at = 0; at < 2; at++) await answerNext(server);
    await Promise.all(more);
  });

  it("fail when the transport closes", async () => {
    const { server, transport, askAll } = await scene();
    const answers = Promise.allSettled(askAll(6));
    await until(() => server.got.length === 4);
    await transport.close();
    for (const { status } of await answers) expect(status).toBe("rejected");
    expect(server.connections()).toBe(1);
  });

  it("may be doubted when they came behind others, and then come one by one", async () => {
    const { server, transport, ask } = await scene();
    const first = ask("/0");
    const second = transport.send({ method: "GET", url: `${server.origin}/1`, bulk: true, brief: true });
    await until(() => server.got.length === 2);
    await answerNext(server);
    await answerNext(server);
    await first;
    const { body, doubt } = await second;
    await body.discard();
    doubt?.();
    await expectOneByOne({ server, ask });
  });

  it("are all served by a server of Node.js that answers in any order it likes", async () => {
    const server = keep(
      await httpServer((request, response) => {
        const late = Number(request.url?.slice(1)) % 3;
        void turns(3 - late).then(() => response.end(request.url));
      }),
    );
    const transport = createTransport({ maxSocketsPerHost: 3 });
    keep({ [Symbol.asyncDispose]: () => transport.close() });
    const all = Array.from({ length: 200 }, (_, at) =>
      read(transport.send({ method: "GET", url: `${server.origin}/${at}`, bulk: true, brief: true })),
    );
    expect(await Promise.all(all)).toEqual(Array.from({ length: 200 }, (_, at) => `/${at}`));
    expect(server.connections()).toBeLessThanOrEqual(3);
  });
});

function openFlow(tap: { open(): void }): { ask(): void; close(): void } {
  tap.open();
  return { ask() {}, close() {} };
}
