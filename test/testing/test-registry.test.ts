import { once } from "node:events";
import { mkdtemp, readdir, rmdir } from "node:fs/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { isInvalidArgument, isNotFound } from "../../src/errors.ts";
import { seededBytes, TestRegistry } from "../../src/testing.ts";
import { call, collect, Wire, wireGet } from "./wire.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

async function* stream(text: string): AsyncGenerator<Uint8Array> {
  for (const word of text.split(" ")) yield Buffer.from(word);
}

async function* brokenStream(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("x");
  throw new Error("source broke");
}

function noSuchPlace(): string {
  throw new Error("no such place");
}

async function thrown(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("TestRegistry.start()", () => {
  it("listens where it is told, on any free port otherwise", async () => {
    await using one = await TestRegistry.start();
    await using two = await TestRegistry.start({ host: "127.0.0.2" });
    expect(one.host).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(two.url).toBe(`http://${two.host}`);
    expect(two.host).toMatch(/^127\.0\.0\.2:\d+$/);
    expect((await call(two, "/v2/")).headers.get("docker-distribution-api-version")).toBe("registry/2.0");
  });

  it.each(["//", "//[", "/%", "http://[/"])("answers 404 to %s, which is nothing", async (target) => {
    await using one = await TestRegistry.start();
    const { hostname: host, port } = new URL(one.url);
    const asking = request({ host, port, path: target }).end();
    const [answer] = (await once(asking, "response")) as [IncomingMessage];
    expect(answer.resume().statusCode).toBe(404);
  });

  it("fails when the port is taken", async () => {
    await using one = await TestRegistry.start();
    const port = Number(new URL(one.url).port);
    await expect(TestRegistry.start({ port })).rejects.toThrow("EADDRINUSE");
  });

  it("answers what is not its API with 404", async () => {
    await using registry = await TestRegistry.start();
    expect((await call(registry, "/v1/search")).status).toBe(404);
    expect(registry.requests[0]?.kind).toBe("other");
  });
});

describe("TestRegistry.close()", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("cuts open connections and stalled requests, and removes its files", async () => {
    const directory = await mkdtemp(join(tmpdir(), "drayage-close-"));
    vi.stubEnv("TMPDIR", directory);
    const registry = await TestRegistry.start();
    await registry.putBlob("a", stream("kept in a file"));
    await call(registry, "/v2/a/blobs/uploads/", { method: "POST" });
    const { digest } = await registry.putBlob("a", Buffer.from("stalled"));
    registry.fault({}, { stall: true });
    await using wire = await Wire.open(registry);
    wire.send("GET", `/v2/a/blobs/${digest}`);
    await wire.until("\r\n\r\n");
    expect(registry.openConnections).toBeGreaterThan(0);
    expect(await readdir(directory)).toHaveLength(1);
    await registry.close();
    await wire.answer();
    expect(registry.openConnections).toBe(0);
    await registry.close();
    expect(await readdir(directory)).toEqual([]);
    await rmdir(directory);
    await expect(fetch(registry.url)).rejects.toThrow();
  });

  it("does not wait for a hold or an unfinished upload", async () => {
    const registry = await TestRegistry.start();
    registry.fault({ kind: "ping" }, { hold: new Promise(() => {}) });
    await using held = await Wire.open(registry);
    held.send("GET", "/v2/");
    const { headers } = await call(registry, "/v2/a/blobs/uploads/", { method: "POST" });
    await using upload = await Wire.open(registry);
    upload.send("PATCH", headers.get("location") ?? "", { "content-length": "100" });
    upload.socket.write("part");
    await registry.waitFor(({ method }) => method === "PATCH");
    await registry.waitFor(({ kind }) => kind === "ping");
    await registry.close();
    expect(registry.requests.filter(({ state }) => state === "aborted")).toHaveLength(2);
  });
});

describe("putBlob()", () => {
  it.each([
    ["bytes", () => Buffer.from("onetwo")],
    ["a stream", () => stream("one two")],
    [
      "a rule",
      () => ({ size: 6, generate: (at: number, n: number) => Buffer.from("onetwo").subarray(at, at + n) }),
    ],
  ])("serves %s", async (_, source) => {
    await using registry = await TestRegistry.start();
    const descriptor = await registry.putBlob("a", source());
    expect(descriptor).toEqual({
      mediaType: "application/octet-stream",
      digest: digestOf("onetwo"),
      size: 6,
    });
    expect(await (await call(registry, `/v2/a/blobs/${descriptor.digest}`)).text()).toBe("onetwo");
  });

  it("fails with the stream, and adds nothing", async () => {
    await using registry = await TestRegistry.start();
    await expect(registry.putBlob("a", brokenStream())).rejects.toThrow("source broke");
    expect(registry.blobs("a")).toEqual([]);
  });

  it("throws for a bad repository name", async () => {
    await using registry = await TestRegistry.start();
    expect(isInvalidArgument(await thrown(() => registry.putBlob("A", Buffer.from(""))))).toBe(true);
  });
});

describe("putGeneratedBlob()", () => {
  it("serves any part of a large blob without storing it", async () => {
    await using registry = await TestRegistry.start();
    const size = 64 * 1024 * 1024 + 5;
    const { digest } = await registry.putGeneratedBlob("a", { size, seed: "large" });
    const answer = await wireGet(registry, `/v2/a/blobs/${digest}`, { range: `bytes=${size - 20}-` });
    expect(answer.body).toEqual(Buffer.from(seededBytes("large")(size - 20, 20)));
    expect(
      (await call(registry, `/v2/a/blobs/${digest}`, { method: "HEAD" })).headers.get("content-length"),
    ).toBe(String(size));
  });

  it("has the digest of the bytes served", async () => {
    await using registry = await TestRegistry.start();
    const { digest } = await registry.putGeneratedBlob("a", { size: 1_000_003, seed: "x" });
    const response = await call(registry, `/v2/a/blobs/${digest}`);
    expect(digestOf(Buffer.from(await response.arrayBuffer()))).toBe(digest);
  });

  it("stops sending when the client stops reading", async () => {
    await using registry = await TestRegistry.start();
    let generated = 0;
    const rule = (_: number, length: number): Uint8Array => {
      generated += length;
      return Buffer.alloc(length);
    };
    const size = 256 * 1024 * 1024;
    const { digest } = await registry.putBlob("a", { size, generate: rule });
    generated = 0;
    await using wire = await Wire.open(registry);
    wire.socket.pause();
    wire.send("GET", `/v2/a/blobs/${digest}`);
    const record = await registry.waitFor(({ kind }) => kind === "blob");
    // The kernel's buffers are full once two rounds of other work pass without another byte taken.
    for (let seen = -1; seen !== record.bytesSent || seen === 0; ) {
      seen = record.bytesSent;
      for (let round = 0; round < 20; round += 1) await call(registry, "/v2/");
    }
    expect(record.state).toBe("started");
    expect(generated).toBeLessThan(size / 4);
  });
});

describe("putManifest()", () => {
  it("adds any bytes under a tag, a digest or neither", async () => {
    await using registry = await TestRegistry.start();
    const one = registry.putManifest("a", "v1", "anything", MANIFEST);
    const two = registry.putManifest("a", digestOf("{}"), Buffer.from("{}"), MANIFEST);
    const three = registry.putManifest("a", undefined, "[]", MANIFEST);
    expect(one).toEqual({ mediaType: MANIFEST, digest: digestOf("anything"), size: 8 });
    expect(registry.tags("a")).toEqual(["v1"]);
    expect(registry.manifests("a")).toEqual([one.digest, two.digest, three.digest]);
    expect(await (await call(registry, "/v2/a/manifests/v1")).text()).toBe("anything");
  });

  it.each([
    ["A", "v1"],
    ["a", "-v1"],
    ["a", "sha256:bad"],
    ["a", digestOf("other bytes")],
  ])("throws for the name %s and the reference %s", async (name, reference) => {
    await using registry = await TestRegistry.start();
    expect(isInvalidArgument(await thrown(() => registry.putManifest(name, reference, "{}", MANIFEST)))).toBe(
      true,
    );
    expect(registry.manifests("a")).toEqual([]);
  });
});

describe("readBlob()", () => {
  it("gives back what was pushed, and throws for what was not", async () => {
    await using registry = await TestRegistry.start();
    const { digest } = await registry.putBlob("a", stream("x y z"));
    expect((await collect(registry.readBlob("a", digest))).toString()).toBe("xyz");
    const missing: Digest = digestOf("missing");
    expect(isNotFound(await thrown(() => registry.readBlob("a", missing)))).toBe(true);
    expect(isNotFound(await thrown(() => registry.readBlob("b", digest)))).toBe(true);
  });
});

describe("RequestRecord.error", () => {
  it("tells of a fault's function that threw, which the client sees as 500", async () => {
    await using registry = await TestRegistry.start();
    registry.fault({}, { redirect: noSuchPlace });
    expect((await call(registry, "/v2/")).status).toBe(500);
    expect(registry.requests[0]?.error).toMatchObject({ message: "no such place" });
  });

  it("tells of a blob's rule that threw, which the client sees as a reset", async () => {
    await using registry = await TestRegistry.start();
    let broken = false;
    const generate = (_: number, length: number): Uint8Array => {
      if (broken) throw new Error("rule broke");
      return Buffer.alloc(length);
    };
    const { digest } = await registry.putBlob("a", { size: 10, generate });
    broken = true;
    expect((await wireGet(registry, `/v2/a/blobs/${digest}`)).end).toBe("reset");
    expect(registry.requests[0]).toMatchObject({ state: "aborted", error: { message: "rule broke" } });
  });
});

describe("a redirect to another host", () => {
  it("can be scripted with any other server", async () => {
    const elsewhere = createServer((_, response) => response.end("from elsewhere")).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const { port } = elsewhere.address() as { port: number };
    await using registry = await TestRegistry.start();
    const { digest } = await registry.putBlob("a", Buffer.from("here"));
    registry.fault({ kind: "blob" }, { redirect: `http://127.0.0.1:${port}/x` });
    const response = await call(registry, `/v2/a/blobs/${digest}`, { redirect: "follow" });
    expect(await response.text()).toBe("from elsewhere");
    elsewhere.close();
    elsewhere.closeAllConnections();
  });
});
