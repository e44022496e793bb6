import { createServer } from "node:http";
import { request as requestTls } from "node:https";
import { describe, expect, it } from "vitest";
import { ErrCanceled, ErrInvalidArgument, ErrUnavailable } from "../../../src/errors.ts";
import type { ConnectionOptions, OwnRequest, OwnResponse, OwnSend } from "../../../src/index.ts";
import { createTransport, type Transport } from "../../../src/registry.ts";
import { buildImage, TestRegistry, type TestRegistryOptions, testAuthority } from "../../../src/testing.ts";
import { failureOf, hasSomeOnDisk, openEngine } from "../../distribution/support/engine.ts";
import { gets } from "../../distribution/support/requests.ts";
import { listen, tap } from "../../distribution/support/servers.ts";
import { until } from "../../distribution/support/until.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";

const keep = closingAfterEach();

const byFetch: OwnSend = ({ url, ...request }) =>
  fetch(url, { ...request, redirect: "manual", duplex: "half" });

async function started(options?: TestRegistryOptions): Promise<TestRegistry> {
  const registry = await TestRegistry.start(options);
  keep({ [Symbol.asyncDispose]: () => registry.close() });
  return registry;
}

/** What an own send has seen. */
class Recorder {
  readonly seen: OwnRequest[] = [];
  running = 0;
  most = 0;
  readonly #send: OwnSend;

  constructor(send: OwnSend = byFetch) {
    this.#send = send;
  }

  readonly send: OwnSend = async (request) => {
    this.seen.push(request);
    this.most = Math.max(this.most, ++this.running);
    try {
      return await this.#send(request);
    } finally {
      this.running--;
    }
  };
}

function transport(send: OwnSend, limits: ConnectionOptions = {}): Transport {
  const made = createTransport({ ...limits, send });
  keep({ [Symbol.asyncDispose]: () => made.close() });
  return made;
}

/** An answer with this body. */
function answering(body: OwnResponse["body"], headers: OwnResponse["headers"] = {}): OwnSend {
  return async () => ({ status: 200, headers, body });
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const GET = { method: "GET", url: "http://registry.example/v2/" } as const;

const ACCOUNT = { username: "ann", password: "s3cret" };

describe("an engine whose requests somebody else sends", () => {
  it("pulls, pushes and copies with all requests going through it", async () => {
    const [registry, target] = [await started(), await started()];
    const recorder = new Recorder();
    const engine = keep(await openEngine({ connection: { send: recorder.send } }));
    const image = await buildImage(registry, "app", { tag: "v1", layers: [300_000, 20_000_000] });
    const name = `${registry.host}/app:v1`;
    await engine.pull(name);
    await engine.push(name, { target: `${target.host}/pushed:v1` });
    await engine.copy(name, `${target.host}/copied:v1`);
    for (const repository of ["pushed", "copied"])
      expect(target.manifest(repository, "v1")?.digest).toBe(image.descriptor.digest);
    expect(recorder.seen).toHaveLength(registry.requests.length + target.requests.length);
    expect(recorder.running).toBe(0);
  });

  it("keeps credentials and redirects its own: nothing of them goes to the storage", async () => {
    const registry = await started({ auth: { basic: ACCOUNT } });
    const storage = await started();
    for (const each of [registry, storage]) await buildImage(each, "app", { tag: "v1", layers: [9_000] });
    registry.fault({ kind: "blob", times: 99 }, { redirect: ({ path }) => storage.url + path });
    const recorder = new Recorder();
    const engine = keep(
      await openEngine({ connection: { send: recorder.send }, credentials: async () => ACCOUNT }),
    );
    await engine.pull(`${registry.host}/app:v1`);
    const toStorage = recorder.seen.filter(({ url }) => url.startsWith(storage.url));
    expect(toStorage.length).toBeGreaterThan(0);
    expect(toStorage.filter(({ headers }) => "authorization" in headers)).toEqual([]);
    const others = recorder.seen.filter(({ url }) => !url.startsWith(storage.url));
    expect(others.some(({ headers }) => headers["authorization"]?.startsWith("Basic "))).toBe(true);
  });

  it("tries again what its send fails with, and goes on where a body broke", async () => {
    const registry = await started();
    const image = await buildImage(registry, "app", { tag: "v1", layers: [900_000] });
    let failures = 0;
    const recorder = new Recorder(async (request) => {
      const response = await byFetch(request);
      if (!request.url.includes("/blobs/") || request.method !== "GET" || failures++ > 4) return response;
      if (failures === 1) throw new Error("the mesh has no way there");
      return { ...response, status: response.status, headers: response.headers, body: cut(response.body) };
    });
    const engine = keep(await openEngine({ connection: { send: recorder.send } }));
    await engine.pull(`${registry.host}/app:v1`);
    const digest = image.layers[0]?.descriptor.digest ?? "";
    expect(gets(registry, digest).some(({ headers }) => headers["range"] !== undefined)).toBe(true);
  });

  it("asks a host for no more at once than it may", async () => {
    const registry = await started();
    const recorder = new Recorder();
    const connection = { send: recorder.send, maxSocketsPerHost: 3 };
    const engine = keep(await openEngine({ connection }));
    await buildImage(registry, "app", {
      tag: "v1",
      layers: Array.from({ length: 12 }, (_, at) => 1_000 + at),
    });
    await engine.pull(`${registry.host}/app:v1`);
    expect(recorder.most).toBeLessThanOrEqual(3);
    expect(recorder.most).toBeGreaterThan(1);
    await until(async () => engine.stats().hosts.length === 0);
  });

  it("tells it what is configured of certificates", async () => {
    const authority = testAuthority();
    const registry = await started({ tls: authority.issue(["localhost"]) });
    const { port } = new URL(registry.url);
    await buildImage(registry, "app", { tag: "v1", layers: [9_000] });
    const host = `localhost:${port}`;
    const engine = keep(
      await openEngine({
        registry: { plainHttp: false, tls: { [host]: { ca: [authority.cert] } } },
        connection: { send: byNode },
      }),
    );
    await engine.pull(`${host}/app:v1`);
    expect(registry.requests.length).toBeGreaterThan(0);
  });

  it("lets go of a body when the pull is stopped in the middle", async () => {
    const registry = await started();
    const image = await buildImage(registry, "app", { tag: "v1", layers: [2_000_000] });
    const digest = image.layers[0]?.descriptor.digest ?? "";
    registry.fault({ kind: "blob", digest }, { stall: true, afterBytes: 500_000 });
    const recorder = new Recorder();
    const engine = keep(await openEngine({ connection: { send: recorder.send } }));
    const stop = new AbortController();
    const pulling = engine.pull(`${registry.host}/app:v1`, { signal: stop.signal });
    const layer = image.layers[0]?.descriptor;
    if (layer) await hasSomeOnDisk(engine, layer, 100_000);
    stop.abort();
    expect(await failureOf(pulling)).toBeInstanceOf(ErrCanceled);
    const blob = recorder.seen.find(({ url }) => url.includes(digest));
    await until(async () => blob?.signal.aborted === true);
    await until(async () => engine.stats().hosts.length === 0);
  });
});

/** Gives one chunk, and then nothing, and no end either. */
async function* still(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("some");
  await new Promise(() => {});
}

/** Breaks off after the first chunk. */
async function* cut(body: OwnResponse["body"]): AsyncGenerator<Uint8Array> {
  for await (const chunk of body ?? []) {
    yield chunk;
    throw new Error("cut");
  }
}

/** Sends without a body, and heeds the authorities that are configured. */
const byNode: OwnSend = async ({ url, method, headers, tls, signal }) => {
  const { promise, resolve, reject } = Promise.withResolvers<OwnResponse>();
  requestTls(url, { method, headers, signal, ...(tls?.ca && { ca: [...tls.ca] }) }, (answer) =>
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer }),
  )
    .on("error", reject)
    .end();
  return await promise;
};

describe("a transport whose requests somebody else sends", () => {
  it("gives what came: status, headers in lower case, repeated ones as a list, and the body", async () => {
    const headers = { "X-One": "1", "X-Many": ["a", "b"], none: undefined };
    const { send } = transport(answering(chunks("one ", "two"), headers));
    const response = await send(GET);
    expect(response.status).toBe(200);
    expect(response.headers).toEqual({ "x-one": "1", "x-many": ["a", "b"] });
    expect(Buffer.from(await response.body.bytes(100)).toString()).toBe("one two");
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["a status that is none", { status: 42, headers: {} }],
    ["no headers", { status: 200 }],
    ["a body that is a text", { status: 200, headers: {}, body: "text" }],
  ])("refuses %s for an answer, and blames no endpoint", async (_, answer) => {
    const { send } = transport(async () => answer as OwnResponse);
    const failure = await failureOf(send(GET));
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(failure).not.toHaveProperty("endpoint");
  });

  it.each<[string, () => Promise<OwnResponse>, object]>([
    [
      "its words",
      () => Promise.reject(new Error("no way\u001b[31m there")),
      { message: "GET http://registry.example: no way [31m there" },
    ],
    [
      "a code of its cause",
      () =>
        Promise.reject(
          new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "ECONNREFUSED" }) }),
        ),
      { message: "GET http://registry.example: connection refused", retryable: true },
    ],
    ["no error at all", () => Promise.reject("text"), { code: "ERR_UNAVAILABLE" }],
  ])("tells what it threw: %s", async (_, fail, expected) => {
    const { send } = transport(fail);
    const failure = await failureOf(send(GET));
    expect(failure).toBeInstanceOf(ErrUnavailable);
    expect(failure).toMatchObject({ endpoint: "http://registry.example", ...expected });
  });

  it("takes what it throws at once for a failure as well", async () => {
    const { send } = transport(() => {
      throw new Error("at once");
    });
    expect((await failureOf(send(GET))).message).toContain("at once");
  });

  it.each([
    ["fewer", "0123", "10"],
    ["more", "0123456789", "4"],
  ])("does not take %s bytes than were told for all", async (_, text, length) => {
    const { send } = transport(answering(chunks(text), { "content-length": length }));
    const { body } = await send(GET);
    const failure = await failureOf(body.pipeTo(() => {}));
    expect(failure).toBeInstanceOf(ErrUnavailable);
    expect(failure.message).toContain("connection closed before the end of the body");
  });

  it("gives an answer that never comes up, and tells its send", async () => {
    const seen: AbortSignal[] = [];
    const limits = { connectTimeoutMs: 10, headersTimeoutMs: 10 };
    const { send } = transport(async ({ signal }) => {
      seen.push(signal);
      return await new Promise(() => {});
    }, limits);
    expect((await failureOf(send(GET))).message).toBe("GET http://registry.example: no answer in time");
    expect(seen.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("gives a body that stands still up", async () => {
    const { send } = transport(answering(still()), { bodyIdleTimeoutMs: 20 });
    const { body } = await send(GET);
    expect((await failureOf(body.pipeTo(() => {}))).message).toContain("no data in time");
  });

  it("reads a body no faster than its reader takes it", async () => {
    let given = 0;
    const many = async function* (): AsyncGenerator<Uint8Array> {
      for (; given < 10; given++) yield Buffer.from("chunk");
    };
    const { send } = transport(answering(many()));
    const { body } = await send(GET);
    await new Promise(setImmediate);
    expect(given).toBe(0);
    const turns = [Promise.withResolvers<void>()];
    const piping = body.pipeTo(() => turns.at(-1)?.promise);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(given).toBeLessThan(3);
    turns[0]?.resolve();
    await piping;
    expect(given).toBe(10);
  });

  it("gives the turn back of an answer without a body, and closes one that nobody wants", async () => {
    let closed = 0;
    const open = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.alloc(70_000);
      } finally {
        closed++;
      }
    };
    const made = transport(async ({ method }) => ({
      status: method === "HEAD" ? 204 : 200,
      headers: {},
      body: open(),
    }));
    await made.send({ ...GET, method: "HEAD" });
    expect(made.hosts()).toEqual([]);
    const { body } = await made.send(GET);
    expect(made.hosts()).toHaveLength(1);
    await body.discard();
    await until(async () => closed > 0);
    expect(made.hosts()).toEqual([]);
  });

  it.each([0, 1])("fails what is under way when it is closed, of which %i was sent", async (sent) => {
    let asked = 0;
    const made = transport(async () => {
      asked++;
      return await new Promise(() => {});
    });
    const failing = failureOf(made.send(GET));
    if (sent > 0) await until(() => asked > 0);
    await made.close();
    expect(await failing).toBeInstanceOf(ErrCanceled);
    expect(await failureOf(made.send(GET))).toBeInstanceOf(ErrCanceled);
    expect(asked).toBe(sent);
  });

  it("streams a body at the pace of whoever sends it, and stops when the answer came early", async () => {
    const server = keep(
      await listen(
        createServer((_, response) => response.writeHead(413).end("too much")),
        [],
      ),
    );
    const { send } = transport(byFetch);
    let opened = 0;
    const body = {
      lengthBytes: 8_000_000,
      async *open() {
        opened++;
        for (let at = 0; at < 8; at++) yield new Uint8Array(1_000_000);
      },
    };
    const headers = { "content-length": "8000000" };
    const response = await send({ ...GET, method: "PUT", url: `${server.url}/`, body, headers });
    expect(response.status).toBe(413);
    await response.body.discard();
    expect(opened).toBe(1);
  });

  it("passes bytes of a request on as they are", async () => {
    const server = keep(await tap((await started()).host));
    const { send } = transport(byFetch);
    const headers = { "x-own": "yes", "user-agent": "engine/1" };
    const { body } = await send({
      ...GET,
      method: "POST",
      url: `${server.url}/v2/a/blobs/uploads/`,
      body: "abc",
      headers,
    });
    await body.discard();
    expect(server.received()).toMatch(/^POST \/v2\/a\/blobs\/uploads\/ HTTP\/1.1\r\n/);
    expect(server.received()).toContain("x-own: yes");
    expect(server.received()).toContain("user-agent: engine/1");
    expect(server.received().endsWith("abc")).toBe(true);
  });
});
