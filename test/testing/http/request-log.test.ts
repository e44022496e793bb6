import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isCanceled } from "../../../src/errors.ts";
import { TestRegistry } from "../../../src/testing.ts";
import { call, Wire } from "../wire.ts";

describe("RequestLog", () => {
  let registry: TestRegistry;
  let count = 0;
  beforeAll(async () => {
    registry = await TestRegistry.start();
  });
  afterAll(() => registry.close());
  const newName = (): string => `log/${count++}`;

  it("records a request without its secrets", async () => {
    const name = newName();
    await call(registry, `/v2/${name}/tags/list?n=5&last=a`, {
      headers: {
        authorization: "Bearer secret-token",
        cookie: "secret=1",
        "x-meta-a": "b",
        range: "bytes=1-",
      },
    });
    const record = registry.requests.find(({ repository }) => repository === name);
    expect(record).toMatchObject({
      kind: "tags",
      method: "GET",
      path: `/v2/${name}/tags/list`,
      repository: name,
      status: 404,
      range: "bytes=1-",
      authorization: "Bearer",
      bytesReceived: 0,
    });
    expect(record?.query.get("n")).toBe("5");
    expect(record?.headers).toMatchObject({ "x-meta-a": "b" });
    expect(JSON.stringify(record)).not.toContain("secret");
  });

  it("counts the bytes of bodies and the state of the request", async () => {
    const name = newName();
    const response = await call(registry, `/v2/${name}/manifests/v1`, { method: "PUT", body: "nonsense" });
    const sent = (await response.arrayBuffer()).byteLength;
    const record = await registry.waitFor(({ repository }) => repository === name, { finished: true });
    expect(record).toMatchObject({ bytesReceived: 8, bytesSent: sent, state: "finished", status: 400 });
  });

  it("numbers connections, so that a shared one shows", async () => {
    await using own = await TestRegistry.start();
    await using first = await Wire.open(own);
    await using second = await Wire.open(own);
    for (const [index, wire] of [first, second, first].entries()) {
      wire.send("GET", `/v2/?${index}`);
      await own.waitFor(({ query }) => query.has(String(index)), { finished: true });
    }
    const [one, two, three] = own.requests.map(({ connection }) => connection);
    expect([three, new Set([one, two])]).toEqual([one, new Set([1, 2])]);
  });
});

describe("waitFor()", () => {
  it("resolves at once with a request of the past", async () => {
    await using registry = await TestRegistry.start();
    await call(registry, "/v2/");
    expect(await registry.waitFor(({ kind }) => kind === "ping")).toBe(registry.requests[0]);
  });

  it("resolves when a request starts, before it is answered", async () => {
    await using registry = await TestRegistry.start();
    const { promise: hold, resolve: release } = Promise.withResolvers<void>();
    registry.fault({}, { hold });
    const waiting = registry.waitFor(({ kind }) => kind === "ping");
    const finished = registry.waitFor(({ kind }) => kind === "ping", { finished: true });
    const response = call(registry, "/v2/");
    expect((await waiting).state).toBe("started");
    release();
    expect((await finished).state).toBe("finished");
    expect((await response).status).toBe(200);
  });

  it("resolves with a request that its client gave up", async () => {
    await using registry = await TestRegistry.start();
    registry.fault({}, { hold: new Promise(() => {}) });
    const controller = new AbortController();
    const response = call(registry, "/v2/", { signal: controller.signal });
    await registry.waitFor(() => true);
    controller.abort();
    await expect(response).rejects.toThrow();
    expect((await registry.waitFor(() => true, { finished: true })).state).toBe("aborted");
  });

  it("rejects when the signal is aborted, before or during the wait", async () => {
    await using registry = await TestRegistry.start();
    const early = registry.waitFor(() => false, { signal: AbortSignal.abort() });
    expect(isCanceled(await early.catch((error: unknown) => error))).toBe(true);
    const controller = new AbortController();
    const late = registry.waitFor(() => false, { signal: controller.signal });
    controller.abort();
    expect(isCanceled(await late.catch((error: unknown) => error))).toBe(true);
  });

  it("rejects with what the predicate throws", async () => {
    await using registry = await TestRegistry.start();
    const failing = registry.waitFor(() => {
      throw new Error("bad predicate");
    });
    const failed = expect(failing).rejects.toThrow("bad predicate");
    expect((await call(registry, "/v2/")).status).toBe(200);
    await failed;
  });
});
