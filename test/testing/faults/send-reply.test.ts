import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { type Fault, type FaultAction, seededBytes, selfSigned, TestRegistry } from "../../../src/testing.ts";
import { call, collect, Wire, wireGet } from "../wire.ts";

const SIZE = 300_000;
const bytes = Buffer.from(seededBytes("fault")(0, SIZE));
const digest = digestOf(bytes);
const path = `/v2/a/blobs/${digest}`;

describe("sendReply()", () => {
  let registry: TestRegistry;
  let fault: Fault;
  beforeAll(async () => {
    registry = await TestRegistry.start();
    await registry.putBlob("a", bytes);
  });
  afterAll(() => registry.close());
  afterEach(() => fault.remove());

  function script(action: FaultAction): void {
    fault = registry.fault({ kind: "blob" }, action);
  }

  async function isHonestAgain(): Promise<void> {
    expect(fault.hits).toBe(1);
    const answer = await wireGet(registry, path);
    expect([answer.status, answer.end]).toEqual([200, "fin"]);
    expect(answer.body).toEqual(bytes);
  }

  it.each([
    [{ status: 503 }, 503, "", undefined],
    [{ status: 429, headers: { "retry-after": "7" }, body: "slow down" }, 429, "slow down", "text/plain"],
    [
      { status: 500, body: { errors: [{ code: "UNKNOWN" }] } },
      500,
      '{"errors":[{"code":"UNKNOWN"}]}',
      "json",
    ],
    [{ status: 200, body: Buffer.from("lie") }, 200, "lie", "octet-stream"],
  ] as [FaultAction, number, string, string | undefined][])(
    "answers as %j says",
    async (action, status, body, type) => {
      script(action);
      const response = await call(registry, path);
      expect(response.status).toBe(status);
      expect(response.headers.get("retry-after")).toBe(action.headers?.["retry-after"] ?? null);
      if (type !== undefined) expect(response.headers.get("content-type")).toContain(type);
      expect(await response.text()).toBe(body);
      await isHonestAgain();
    },
  );

  it("redirects to a URL, or to what a function makes of the request", async () => {
    script({ redirect: "https://elsewhere/x?sig=1" });
    const fixed = await call(registry, path);
    expect([fixed.status, fixed.headers.get("location")]).toEqual([307, "https://elsewhere/x?sig=1"]);
    fault = registry.fault({}, { redirect: ({ path: asked }) => `/moved${asked}`, status: 302 });
    const made = await call(registry, path);
    expect([made.status, made.headers.get("location")]).toEqual([302, `/moved${path}`]);
  });

  it("resets the connection instead of answering", async () => {
    script({ reset: true });
    const answer = await wireGet(registry, path);
    expect([answer.end, answer.body.byteLength, answer.headers.size]).toEqual(["reset", 0, 0]);
    await isHonestAgain();
  });

  it.each([0, 1, 1000, 60_000])("resets the connection after %i bytes of the body", async (afterBytes) => {
    script({ reset: true, afterBytes });
    const answer = await wireGet(registry, path);
    expect(answer.end).toBe("reset");
    expect(answer.headers.get("content-length")).toBe(String(SIZE));
    expect(answer.body).toEqual(bytes.subarray(0, afterBytes));
    await isHonestAgain();
  });

  it.each([0, 1000, 65_536, 299_999])(
    "ends the connection in good order after %i bytes",
    async (truncate) => {
      script({ truncate });
      const answer = await wireGet(registry, path);
      expect([answer.end, answer.headers.get("content-length")]).toEqual(["fin", String(SIZE)]);
      expect(answer.body).toEqual(bytes.subarray(0, truncate));
      await isHonestAgain();
    },
  );

  it("counts from the start of the range when a range is cut", async () => {
    script({ truncate: 10 });
    const answer = await wireGet(registry, path, { range: "bytes=1000-" });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([
      206,
      `bytes 1000-${SIZE - 1}/${SIZE}`,
    ]);
    expect(answer.body).toEqual(bytes.subarray(1000, 1010));
  });

  it.each([0, 1000, 65_536])("stalls after %i bytes until it is released", async (afterBytes) => {
    script({ stall: true, afterBytes });
    await using wire = await Wire.open(registry);
    wire.send("GET", path, { connection: "close" });
    await wire.untilBody(afterBytes);
    // Another exchange proves that the registry had its turn to send more, if it wanted to.
    await call(registry, "/v2/");
    expect(registry.requests.at(-2)?.state).toBe("started");
    expect(wire.received.subarray(-afterBytes || wire.received.byteLength)).toEqual(
      bytes.subarray(0, afterBytes),
    );
    fault.release();
    const answer = await wire.answer();
    expect(answer.body).toEqual(bytes);
    await isHonestAgain();
  });

  it("gives a stalled body up when the client goes away", async () => {
    script({ stall: true, afterBytes: 5 });
    const before = registry.requests.length;
    {
      await using wire = await Wire.open(registry);
      wire.send("GET", path);
      await wire.untilBody(5);
    }
    const record = await registry.waitFor((request) => registry.requests.indexOf(request) === before, {
      finished: true,
    });
    expect([record.state, record.bytesSent]).toEqual(["aborted", 5]);
  });

  it.each([0, 70_000, SIZE - 1])("flips one bit at offset %i and leaves the blob alone", async (offset) => {
    script({ corrupt: { offset } });
    const { body } = await wireGet(registry, path);
    const wrong = [...body.keys()].filter((index) => body[index] !== bytes[index]);
    expect(wrong).toEqual([offset]);
    expect((body[offset] ?? 0) ^ (bytes[offset] ?? 0)).toBe(1);
    await isHonestAgain();
  });

  it("sends more bytes than the blob has, and announces them", async () => {
    script({ extraBytes: 3 });
    const answer = await wireGet(registry, path);
    expect(answer.headers.get("content-length")).toBe(String(SIZE + 3));
    expect(answer.body).toEqual(Buffer.concat([bytes, Buffer.alloc(3)]));
    await isHonestAgain();
  });

  it("sends a chunked body without a length", async () => {
    script({ chunked: true, extraBytes: 1 });
    const response = await call(registry, path);
    expect(response.headers.get("transfer-encoding")).toBe("chunked");
    expect(response.headers.get("content-length")).toBeNull();
    expect((await response.arrayBuffer()).byteLength).toBe(SIZE + 1);
    await isHonestAgain();
  });

  it("cuts a chunked body before its last chunk", async () => {
    script({ chunked: true, truncate: 10 });
    const answer = await wireGet(registry, path);
    expect(answer.end).toBe("fin");
    expect(answer.body.toString("latin1")).toBe(`a\r\n${bytes.subarray(0, 10).toString("latin1")}\r\n`);
  });

  it("sends slowly, in small pieces, but all of it", async () => {
    script({ bytesPerSecond: 6_000_000 });
    await using wire = await Wire.open(registry);
    let pieces = 0;
    wire.socket.on("data", () => {
      pieces += 1;
    });
    wire.send("GET", path, { connection: "close" });
    expect((await wire.answer()).body).toEqual(bytes);
    expect(pieces).toBeGreaterThanOrEqual(2);
    await isHonestAgain();
  });

  it("ignores the range", async () => {
    script({ ignoreRange: true });
    const answer = await wireGet(registry, path, { range: "bytes=100-" });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([200, undefined]);
    expect(answer.body).toEqual(bytes);
  });

  it.each([
    ["bytes=100-", 99, SIZE],
    ["bytes=100-200", 99, 201],
    ["bytes=0-9", 1, 10],
  ])("answers the range %s with another one, and says so", async (range, start, end) => {
    script({ wrongRange: true });
    const answer = await wireGet(registry, path, { range });
    expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${end - 1}/${SIZE}`);
    expect(answer.body).toEqual(bytes.subarray(start, end));
  });

  it("leaves headers out, adds and replaces them", async () => {
    script({
      omitHeaders: ["Docker-Content-Digest"],
      setHeaders: { "Content-Type": "x/y", Warning: "299 - w" },
    });
    const answer = await wireGet(registry, path);
    expect(answer.headers.has("docker-content-digest")).toBe(false);
    expect([answer.headers.get("content-type"), answer.headers.get("warning")]).toEqual(["x/y", "299 - w"]);
    expect(answer.body).toEqual(bytes);
  });

  it("holds the answer until a promise settles, even by failing", async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    script({ hold: promise });
    const before = registry.requests.length;
    const held = call(registry, path).then((response) => response.arrayBuffer());
    const record = await registry.waitFor((request) => registry.requests.indexOf(request) === before);
    await call(registry, "/v2/");
    expect([record.state, record.status]).toEqual(["started", undefined]);
    reject(new Error("settled"));
    expect((await held).byteLength).toBe(SIZE);
    expect(record.status).toBe(200);
  });

  it("combines what can be combined", async () => {
    script({ setHeaders: { "x-a": "1" }, corrupt: { offset: 1 }, reset: true, afterBytes: 2 });
    const answer = await wireGet(registry, path);
    expect([answer.headers.get("x-a"), answer.end]).toEqual(["1", "reset"]);
    expect([...answer.body]).toEqual([bytes[0], (bytes[1] ?? 0) ^ 1]);
  });

  it("has had its effect when the answer to a push is lost", async () => {
    const blob = Buffer.from("lost answer");
    const target = `/v2/a/blobs/uploads/?digest=${digestOf(blob)}`;
    fault = registry.fault({ kind: "upload" }, { reset: true });
    await expect(call(registry, target, { method: "POST", body: blob })).rejects.toThrow();
    expect(await collect(registry.readBlob("a", digestOf(blob)))).toEqual(blob);
  });

  it("has no effect when the answer to a push is scripted", async () => {
    const blob = Buffer.from("scripted answer");
    fault = registry.fault({ kind: "upload" }, { status: 500 });
    const target = `/v2/a/blobs/uploads/?digest=${digestOf(blob)}`;
    expect((await call(registry, target, { method: "POST", body: blob })).status).toBe(500);
    expect(registry.blobs("a")).not.toContain(digestOf(blob));
  });

  it("sends no body in answer to HEAD, whatever the fault", async () => {
    script({ corrupt: { offset: 0 }, truncate: 1 });
    const response = await call(registry, path, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe(String(SIZE));
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it("resets and ends TLS connections too", async () => {
    const tls = selfSigned();
    await using secure = await TestRegistry.start({ tls });
    await secure.putBlob("a", bytes);
    fault = secure.fault({}, { reset: true, afterBytes: 100 });
    secure.fault({}, { truncate: 100 });
    const ends: (string | undefined)[] = [];
    for (let round = 0; round < 2; round += 1) {
      const socket = connectTls({ port: Number(new URL(secure.url).port), host: "127.0.0.1", ca: tls.cert });
      let end: string | undefined = "fin";
      socket.on("error", (error: NodeJS.ErrnoException) => {
        end = error.code;
      });
      socket.resume().write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
      });
      ends.push(end);
    }
    expect(ends).toEqual(["ECONNRESET", "fin"]);
    for (const [index, record] of secure.requests.entries()) {
      await secure.waitFor((request) => secure.requests.indexOf(request) === index, { finished: true });
      expect([record.bytesSent, record.state]).toEqual([100, "aborted"]);
    }
  });
});
