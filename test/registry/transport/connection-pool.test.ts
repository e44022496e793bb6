import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PATIENCE_MS } from "../../../src/async/wait-patiently.ts";
import { plainWaiter, type Waiter } from "../../../src/async/waiting.ts";
import { ErrCanceled } from "../../../src/errors/classes.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import type { HttpRequest, HttpResponse } from "../../../src/registry/http/send.ts";
import type { ConnectionOptions } from "../../../src/registry/transport/connection-options.ts";
import { FIRST_REQUESTS } from "../../../src/registry/transport/host-budget.ts";
import {
  createTransport,
  type Transport,
  type TransportParts,
} from "../../../src/registry/transport/transport.ts";
import { createRegistryClient, endpointSend } from "../../../src/registry.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { inAThread } from "../support/in-a-thread.ts";
import { httpServer, rawServer, type ScriptedServer } from "../support/raw-server.ts";

/** A server that keeps each request until `answer` is called. */
interface HoldingServer extends ScriptedServer {
  /** Paths of the requests that wait for an answer, oldest first. */
  readonly held: readonly string[];
  answer(): void;
}

async function holdingServer(headers: OutgoingHttpHeaders = {}): Promise<HoldingServer> {
  const held: Array<{ path: string; end: () => void }> = [];
  const server = await httpServer((request, response) => {
    response.writeHead(200, headers);
    held.push({ path: request.url ?? "", end: () => response.end("ok") });
  });
  return {
    ...server,
    get held() {
      return held.map(({ path }) => path);
    },
    answer: () => held.shift()?.end(),
  };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await setImmediate();
};
const read = async (answer: Promise<HttpResponse>): Promise<string> =>
  Buffer.from(await (await answer).body.bytes(100)).toString();

const USER = async () => ({ username: "u", password: "p" });

describe("a transport's sockets", () => {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
  });
  const keep = <T extends AsyncDisposable>(value: T): T => {
    open.push(value);
    return value;
  };
  const transportWith = (options: ConnectionOptions, parts?: TransportParts): Transport => {
    const transport = createTransport(options, parts);
    keep({ [Symbol.asyncDispose]: () => transport.close() });
    return transport;
  };
  it("are at most 32 to one host, and all requests are served", async () => {
    const server = keep(await holdingServer());
    const transport = transportWith({}, { clock: new FakeClock() }); // by which each answer is quick
    const answers = Array.from({ length: 100 }, (_, i) =>
      read(transport.send({ method: "GET", url: `${server.origin}/${i}` })),
    );
    for (let left = 100; left > 0; left--) {
      const budget = FIRST_REQUESTS + 100 - left; // one more with each quick answer
      await until(() => server.held.length === Math.min(32, budget, left));
      server.answer();
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, () => "ok"));
    expect(server.connections()).toBe(32);
  });

  it("are given first come, first served", async () => {
    const server = keep(await holdingServer());
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const order: string[] = [];
    const answers = ["/a", "/b", "/c"].map(async (path) => {
      await read(transport.send({ method: "GET", url: `${server.origin}${path}` }));
      order.push(path);
    });
    for (let i = 0; i < 3; i++) {
      await until(() => server.held.length === 1);
      server.answer();
    }
    await Promise.all(answers);
    expect(order).toEqual(["/a", "/b", "/c"]);
  });

  it("leave room for a document beside blobs, however many of them wait", async () => {
    const server = keep(await holdingServer());
    const transport = transportWith({ maxSocketsPerHost: 3 });
    const ask = (path: string, bulk: boolean): Promise<string> =>
      read(transport.send({ method: "GET", url: `${server.origin}${path}`, bulk }));
    const blobs = ["/b1", "/b2", "/b3", "/b4"].map((path) => ask(path, true));
    await until(() => server.held.length === 2);
    const documents = ["/d1", "/d2"].map((path) => ask(path, false));
    await until(() => server.held.length === 3);
    expect(server.held).toEqual(["/b1", "/b2", "/d1"]);
    server.answer();
    await until(() => server.held.includes("/b3"));
    for (let left = 5; left > 0; left--) {
      await until(() => server.held.length > 0);
      server.answer();
    }
    expect(await Promise.all([...blobs, ...documents])).toHaveLength(6);
  });

  it("leave room for a document beside a blob that takes long, also when the budget is one request", async () => {
    const held: ServerResponse[] = [];
    const server = keep(
      await httpServer((request, response) => {
        if (request.url === "/busy") response.writeHead(503).end();
        else if (request.url === "/blob") held.push(response);
        else response.end(request.url);
      }),
    );
    const transport = transportWith({ maxSocketsPerHost: 2 });
    const ask = (path: string, bulk = false): Promise<string> =>
      read(transport.send({ method: "GET", url: `${server.origin}${path}`, bulk }));
    await ask("/busy");
    const blob = ask("/blob", true);
    await until(() => held.length === 1);
    expect(await Promise.all([ask("/d1"), ask("/d2")])).toEqual(["/d1", "/d2"]);
    held[0]?.end("blob");
    expect(await blob).toBe("blob");
  });

  it("become fewer when the host is overloaded, and more again", async () => {
    let status = 200;
    const server = keep(
      await httpServer((_, response) => {
        response.statusCode = status;
        response.end("ok");
      }),
    );
    const changes: unknown[] = [];
    const clock = new FakeClock(); // by which each answer is quick
    const transport = transportWith({}, { clock, onBudget: (change) => changes.push(change) });
    const { host } = new URL(server.origin);
    const all = (count: number): Promise<string[]> =>
      Promise.all(
        Array.from({ length: count }, () => read(transport.send({ method: "GET", url: server.origin }))),
      );
    status = 429;
    await all(1);
    expect(changes).toEqual([
      { host, requests: FIRST_REQUESTS / 2, before: FIRST_REQUESTS, because: "it answered 429" },
    ]);
    status = 200;
    await all(50);
    expect(changes.at(-1)).toMatchObject({ because: "it answers quickly" });
    expect(server.connections()).toBeLessThan(32);
  });

  it("that nobody uses are closed when the host breaks one, as it may take no more than so many", async () => {
    const held: Array<() => void> = [];
    const server: ScriptedServer = keep(
      await httpServer((request, response) => {
        if (server.sockets.size > 2) request.socket.destroy();
        else if (request.url === "/held") held.push(() => response.end("ok"));
        else response.end("ok");
      }),
    );
    const options = {};
    const transport = transportWith(options);
    const idle = [1, 2].map(() => read(transport.send({ method: "GET", url: `${server.origin}/held` })));
    await until(() => held.length === 2);
    for (const answer of held) answer();
    await Promise.all(idle);
    // Connections of another thread are none that these could be used for.
    const elsewhere = inAThread(transport, options);
    keep({ [Symbol.asyncDispose]: () => elsewhere.close() });
    const get = (): Promise<string> => read(elsewhere.send({ method: "GET", url: server.origin }));
    await expect(get()).rejects.toMatchObject({ code: "ERR_UNAVAILABLE", retryable: true });
    expect(transport.hosts()).toEqual([]);
    await until(() => server.sockets.size === 0);
    expect(await get()).toBe("ok");
  });

  it("let a token be asked for while the refusal of the only one is unread", async () => {
    await using guarded = await TestRegistry.start({ auth: { bearer: { username: "u", password: "p" } } });
    const image = await buildImage(guarded, "team/app", { tag: "v1", layers: [5_000] });
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const endpoint: Endpoint = {
      baseUrl: `${guarded.url}/v2`,
      mirror: false,
      capabilities: ["pull"],
      credentialHost: guarded.host,
    };
    const send = endpointSend({ endpoint, credentials: USER, send: transport.send });
    const client = createRegistryClient({ endpoint, repository: "team/app", send });
    const { bytes } = await client.getManifest("v1", { signal: AbortSignal.timeout(10_000) });
    expect(bytes).toHaveLength(image.descriptor.size);
  });

  it("are bounded over all hosts, and an unused one makes room", async () => {
    const servers = await Promise.all([1, 2, 3].map(async () => keep(await holdingServer())));
    const transport = transportWith({ maxSockets: 2 });
    const answers = servers.map(({ origin }) => read(transport.send({ method: "GET", url: origin })));
    const [first, second, third] = servers;
    await until(() => first?.held.length === 1 && second?.held.length === 1);
    expect(third?.connections()).toBe(0);
    first?.answer();
    await until(() => third?.held.length === 1);
    await until(() => first?.sockets.size === 0);
    second?.answer();
    third?.answer();
    expect(await Promise.all(answers)).toEqual(["ok", "ok", "ok"]);
  });

  it("do not keep requests of other hosts waiting while one host is full", async () => {
    const slow = keep(await holdingServer());
    const other = keep(await httpServer((_, response) => void response.end("ok")));
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const waiting = [1, 2, 3].map(() => read(transport.send({ method: "GET", url: slow.origin })));
    expect(await read(transport.send({ method: "GET", url: other.origin }))).toBe("ok");
    for (let i = 0; i < 3; i++) {
      await until(() => slow.held.length === 1);
      slow.answer();
    }
    await Promise.all(waiting);
  });

  it("are left at once by a request that no longer waits, without harm to those behind it", async () => {
    const server = keep(await holdingServer());
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const aborter = new AbortController();
    const first = read(transport.send({ method: "GET", url: `${server.origin}/1` }));
    await until(() => server.held.length === 1);
    const gone = transport.send({ method: "GET", url: `${server.origin}/2`, signal: aborter.signal });
    const last = read(transport.send({ method: "GET", url: `${server.origin}/3` }));
    aborter.abort();
    await expect(gone).rejects.toBeInstanceOf(ErrCanceled);
    server.answer();
    await until(() => server.held.length === 1);
    expect(server.held).toEqual(["/3"]);
    server.answer();
    expect(await Promise.all([first, last])).toEqual(["ok", "ok"]);
  });

  it("are waited for by a waiter, which knows for what, and so is an answer that is long in coming", async () => {
    const server = keep(await holdingServer());
    const clock = new FakeClock();
    const transport = createTransport({ maxSocketsPerHost: 1 }, { clock });
    keep({ [Symbol.asyncDispose]: () => transport.close() });
    const { host } = new URL(server.origin);
    const lines: string[] = [];
    const request = (path: string, extra: Partial<HttpRequest> = {}): Promise<string> => {
      const waiter = plainWaiter({ show: (reason) => lines.push(`${path} ${reason.words}`) });
      return read(transport.send({ method: "GET", url: `${server.origin}${path}`, waiter, ...extra }));
    };
    const quick = request("/quick");
    await until(() => server.held.length === 1);
    const slow = request("/slow");
    expect(lines).toEqual([`/slow Waiting for a connection to ${host}`]);
    server.answer();
    await quick;
    await until(() => server.held.length === 1);
    clock.advance(PATIENCE_MS);
    await until(() => lines.length === 2);
    expect(lines[1]).toBe(`/slow Waiting for ${host}`);
    server.answer();
    expect(await slow).toBe("ok");
  });

  it("are free again when the one who waited has nothing to work with", async () => {
    const server = keep(await holdingServer());
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const first = read(transport.send({ method: "GET", url: server.origin }));
    await until(() => server.held.length === 1);
    const waiter: Waiter = {
      async wait(_, work) {
        await work(undefined);
        throw new ErrCanceled("no slot any more");
      },
    };
    const gone = transport.send({ method: "GET", url: server.origin, waiter });
    const last = read(transport.send({ method: "GET", url: server.origin }));
    server.answer();
    await expect(gone).rejects.toThrow("no slot any more");
    await until(() => server.held.length === 1);
    server.answer();
    expect(await Promise.all([first, last])).toEqual(["ok", "ok"]);
  });

  it("are waited for at the host as it is known now, by one whose own was taken while it came back", async () => {
    const server = keep(await holdingServer({ connection: "close" }));
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const send = (path: string, waiter?: Waiter): Promise<string> =>
      read(transport.send({ method: "GET", url: `${server.origin}/${path}`, waiter }));
    const comesBack = Promise.withResolvers<void>();
    const comes = Promise.withResolvers<void>();
    const waiter: Waiter = {
      async wait(_, work) {
        const result = await work(undefined);
        comes.resolve();
        await comesBack.promise;
        return result;
      },
    };
    const answer = async (path: string): Promise<void> => {
      await until(() => server.held.length === 1);
      expect(server.held).toEqual([`/${path}`]);
      server.answer();
    };
    const first = send("first");
    await until(() => server.held.length === 1);
    const slow = send("slow", waiter);
    await answer("first");
    await comes.promise;
    const thief = send("thief");
    await answer("thief");
    await Promise.all([first, thief]);
    const other = send("other");
    await until(() => server.held.length === 1);
    const queued = send("queued");
    comesBack.resolve();
    await setImmediate();
    await answer("other");
    await until(() => server.held.length === 1);
    server.answer();
    await until(() => server.held.length === 1);
    server.answer();
    expect(await Promise.all([slow, other, queued])).toEqual(["ok", "ok", "ok"]);
  });

  it("are waited for without any limit of the request running", async () => {
    const server = keep(await holdingServer());
    const transport = transportWith({ maxSocketsPerHost: 1 });
    const first = await (async () => {
      const answer = transport.send({ method: "GET", url: server.origin });
      await until(() => server.held.length === 1);
      server.answer();
      return await answer;
    })();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const second = read(transport.send({ method: "GET", url: server.origin }));
    await vi.advanceTimersByTimeAsync(100_000);
    vi.useRealTimers();
    await first.body.discard();
    await until(() => server.held.length === 1);
    server.answer();
    expect(await second).toBe("ok");
  });

  it("are free again after a request that failed, was aborted or never connected", async () => {
    let broken = true;
    const server = keep(
      await rawServer((socket) => {
        socket.on("error", () => {});
        socket.on("data", () => {
          if (broken) socket.destroy();
          else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
      }),
    );
    const transport = transportWith({ maxSocketsPerHost: 1, maxSockets: 1 });
    await expect(transport.send({ method: "GET", url: server.origin })).rejects.toThrow();
    const aborter = new AbortController();
    const aborted = transport.send({ method: "GET", url: server.origin, signal: aborter.signal });
    aborter.abort();
    await expect(aborted).rejects.toBeInstanceOf(ErrCanceled);
    await expect(transport.send({ method: "GET", url: "http://127.0.0.1:1" })).rejects.toThrow();
    broken = false;
    expect(await read(transport.send({ method: "GET", url: server.origin }))).toBe("ok");
  });

  it("are not waited for any more once the transport is closed", async () => {
    const server = keep(await holdingServer());
    const transport = createTransport({ maxSocketsPerHost: 1 });
    const answers = [1, 2, 3].map(() => transport.send({ method: "GET", url: server.origin }));
    const outcomes = Promise.allSettled(answers);
    await until(() => server.held.length === 1);
    await transport.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(ErrCanceled) });
    }
  });

  it("serve a thousand requests to each of several hosts without one failing", async () => {
    const servers = await Promise.all(
      [1, 2, 3, 4, 5].map(async () => keep(await httpServer((_, response) => void response.end("ok")))),
    );
    const transport = transportWith({ maxSockets: 40 });
    const answers = Array.from({ length: 1_000 }).flatMap(() =>
      servers.map(({ origin }) => read(transport.send({ method: "GET", url: origin }))),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set(["ok"]));
    const openSockets = servers.reduce((sum, { sockets }) => sum + sockets.size, 0);
    expect(openSockets).toBeLessThanOrEqual(40);
  });
});
