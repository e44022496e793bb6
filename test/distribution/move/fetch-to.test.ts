import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { beforeEach, describe, expect, it } from "vitest";
import { ErrCanceled, ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../../../src/errors.ts";
import type { Descriptor } from "../../../src/index.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { layerOf } from "../support/built-image.ts";
import { type Engine, failureOf, openEngine } from "../support/engine.ts";
import { APP } from "../support/profile-site.ts";
import { until } from "../support/until.ts";

/** Bytes of the content that is broken off ten times: 2 GiB where somebody asks for it. */
const BROKEN_SIZE = Number(process.env["MOVE_BYTES"] ?? 24_000_000);

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;
let directory: string;
const repository = (): string => `${registry.host}/${APP}`;
const at = (name: string): string => join(directory, name);
const put = (size = 2_000_000): Promise<Descriptor> => registry.putGeneratedBlob(APP, { size, seed: "file" });

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
  directory = await mkdtemp(join(tmpdir(), "drayage-fetch-"));
  keep({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) });
});

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}

const partialOf = (name: string, { digest }: Descriptor): string =>
  `${name}.${digest.slice("sha256:".length, "sha256:".length + 12)}.partial`;

describe("fetchTo() a path", () => {
  it("makes a file of a content, and leaves nothing beside it", async () => {
    const blob = await put();
    const fetched = await engine.fetchTo(repository(), blob, at("file"));
    expect(fetched).toEqual({ endpoint: registry.url, passedOver: [] });
    expect(await digestOfFile(at("file"))).toBe(blob.digest);
    expect(await readdir(directory)).toEqual(["file"]);
    expect((await stat(at("file"))).mode & 0o200).toBe(0o200);
  });

  it("comes through ten resets in one call", { timeout: 540_000 }, async () => {
    const blob = await put(BROKEN_SIZE);
    registry.fault(
      { kind: "blob", method: "GET", times: 10 },
      { reset: true, afterBytes: Math.floor(BROKEN_SIZE / 15) },
    );
    await engine.fetchTo(repository(), blob, at("file"));
    expect(await digestOfFile(at("file"))).toBe(blob.digest);
    expect(registry.requests.filter(({ kind }) => kind === "blob")).toHaveLength(11);
  });

  it("replaces what is there only when all of it has come, and goes on in the next call", async () => {
    const blob = await put();
    await writeFile(at("file"), "before");
    const fault = registry.fault({ kind: "blob" }, { stall: true, afterBytes: 500_000 });
    const aborting = new AbortController();
    const first = failureOf(engine.fetchTo(repository(), blob, at("file"), { signal: aborting.signal }));
    await until(
      async () => ((await stat(at(partialOf("file", blob))).catch(() => undefined))?.size ?? 0) >= 500_000,
    );
    aborting.abort();
    expect(await first).toBeInstanceOf(ErrCanceled);
    fault.release();
    expect(await readFile(at("file"), "utf8")).toBe("before");
    const other = keep(await openEngine()); // as another process would
    await other.fetchTo(repository(), blob, at("file"));
    expect(await digestOfFile(at("file"))).toBe(blob.digest);
    const last = registry.requests.findLast(({ kind }) => kind === "blob");
    expect(last?.headers["range"]).toBe("bytes=500000-");
    expect(await readdir(directory)).toEqual(["file"]);
  });

  it("fetches once for several calls at the same time, of several engines", async () => {
    const blob = await put();
    const other = keep(await openEngine());
    await Promise.all([engine, engine, other].map((one) => one.fetchTo(repository(), blob, at("file"))));
    expect(await digestOfFile(at("file"))).toBe(blob.digest);
    expect(registry.requests.filter(({ kind, method }) => kind === "blob" && method === "GET")).toHaveLength(
      1,
    );
    await engine.fetchTo(repository(), blob, at("file"));
    expect(registry.requests.filter(({ kind }) => kind === "blob")).toHaveLength(1);
  });

  it("throws wrong bytes away and asks another endpoint", async () => {
    const blob = await put();
    const mirror = keep(await TestRegistry.start());
    await mirror.putGeneratedBlob(APP, { size: 2_000_000, seed: "file" });
    mirror.fault({ kind: "blob", times: Number.POSITIVE_INFINITY }, { corrupt: { offset: 77 } });
    const mirrored = keep(await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } }));
    const fetched = await mirrored.fetchTo(repository(), blob, at("file"));
    expect(fetched.endpoint).toBe(registry.url);
    expect(fetched.passedOver).toMatchObject([{ endpoint: mirror.url }]);
    registry.fault({ kind: "blob", times: Number.POSITIVE_INFINITY }, { corrupt: { offset: 77 } });
    expect(await failureOf(mirrored.fetchTo(repository(), blob, at("other")))).toBeInstanceOf(ErrDataLoss);
    expect(await stat(at("other")).catch(() => "none")).toBe("none");
  });

  it("does not trust a partial file, and writes through no link", async () => {
    const blob = await put();
    await writeFile(at(partialOf("file", blob)), "x".repeat(1_000));
    await engine.fetchTo(repository(), blob, at("file"));
    expect(await digestOfFile(at("file"))).toBe(blob.digest);
    await writeFile(at("victim"), "mine");
    await symlink(at("victim"), at(partialOf("second", blob)));
    await failureOf(engine.fetchTo(repository(), blob, at("second")));
    await link(at("victim"), at(partialOf("third", blob)));
    await failureOf(engine.fetchTo(repository(), blob, at("third")));
    expect(await readFile(at("victim"), "utf8")).toBe("mine");
  });

  it("replaces files only", async () => {
    const blob = await put();
    await mkdir(at("sub"));
    expect(await failureOf(engine.fetchTo(repository(), blob, at("sub")))).toBeInstanceOf(ErrInvalidArgument);
    expect(await failureOf(engine.fetchTo(repository(), blob, "/dev/null"))).toBeInstanceOf(
      ErrInvalidArgument,
    );
    expect(await failureOf(engine.fetchTo(repository(), blob, at("none/file")))).toBeInstanceOf(ErrNotFound);
    expect(registry.requests).toHaveLength(0);
  });

  it("makes a file of its own of a content that is here, and asks nobody", async () => {
    const image = await buildImage(registry, APP, { tag: "v1", layers: [300_000] });
    await engine.pull(`${repository()}:v1`, { platform: "linux/amd64" });
    const before = registry.requests.length;
    const layer = layerOf(image);
    expect(await engine.fetchTo(repository(), layer, at("file"))).toEqual({
      endpoint: undefined,
      passedOver: [],
    });
    expect(registry.requests.length).toBe(before);
    expect(await digestOfFile(at("file"))).toBe(layer.digest);
    await chmod(at("file"), 0o644);
    await writeFile(at("file"), "changed by its owner");
    const again = keep(await openEngine());
    expect(await digestOfFile(join(engine.root, "blobs", ...layer.digest.split(":")))).toBe(layer.digest);
    await again.fetchTo(repository(), layer, at("file"));
    expect(await digestOfFile(at("file"))).toBe(layer.digest);
  });
});

describe("fetchTo() a stream", () => {
  it("gives it no more than it has room for, and leaves it open", async () => {
    const blob = await put();
    const hash = createHash("sha256");
    let most = 0;
    const target = new Writable({
      highWaterMark: 1,
      write(chunk: Uint8Array, _encoding, done) {
        hash.update(chunk);
        most = Math.max(most, target.writableLength);
        setImmediate(done);
      },
    });
    const fetched = await engine.fetchTo(repository(), blob, target);
    expect(fetched.endpoint).toBe(registry.url);
    expect(target.writableEnded).toBe(false);
    expect(`sha256:${hash.digest("hex")}`).toBe(blob.digest);
    expect(most).toBeLessThanOrEqual(1024 * 1024); // one read of the socket
  });

  it("ends with the stream's own error, and closes the connection", async () => {
    const blob = await put(20_000_000);
    const target = new PassThrough();
    const reason = new Error("the pipe is broken");
    const fetching = failureOf(engine.fetchTo(repository(), blob, target));
    target.once("data", () => target.destroy(reason));
    target.on("error", () => {});
    expect(await fetching).toBe(reason);
    const request = await registry.waitFor(({ kind }) => kind === "blob", { finished: true });
    expect(request.state).toBe("aborted");
  });
});
