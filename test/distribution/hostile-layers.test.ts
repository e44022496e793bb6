import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseDigest } from "../../src/digest/digest.ts";
import { ErrResourceExhausted } from "../../src/errors.ts";
import { TestRegistry } from "../../src/testing.ts";
import { headerOf, type WrittenEntry } from "../tar/support/tar-writer.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { putImage, type WrittenLayer } from "./support/put-image.ts";

const { DRAYAGE_LAYER_ENTRIES = "6000" } = process.env;

/** Entries of each layer that has many; by hand 1048576. */
const ENTRIES = Number(DRAYAGE_LAYER_ENTRIES);

/** Longest path of an entry, in bytes, and the names that it is made of. */
const [MAX_PATH, LONG_NAME] = [4_095, "n".repeat(250)];

const PLATFORM = { platform: "linux/amd64" };
const GIB = 2 ** 30;

let registry: TestRegistry;
let directory: string;
let engine: Engine;
let name: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-hostile-"));
  registry = await TestRegistry.start();
  engine = await openEngine({ layers: true });
  name = `${registry.host}/team/hostile:v1`;
});

afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

const put = (...layers: ReadonlyArray<readonly WrittenEntry[] | WrittenLayer>): Promise<unknown> =>
  putImage(registry, { repository: "team/hostile", tag: "v1" }, layers);

/** What lies in `layers`: those that can be seen, and what is half made. */
function left(): readonly string[] {
  return ["sha256", "staging", "replaced"].flatMap((folder) => {
    try {
      return readdirSync(join(engine.root, "layers", folder));
    } catch {
      return [];
    }
  });
}

/** The image is pulled and unpacked, is what its blobs make, shows what is wanted, and goes with its name. */
async function expectWhole(
  show: (directory: string) => Promise<unknown>,
  wanted: (made: string) => void,
): Promise<void> {
  const made = join(directory, "made");
  await engine.pull(name, PLATFORM);
  await show(made);
  wanted(made);
  expect((await engine.check()).layers).toMatchObject({ damage: [], unverified: [] });
  await engine.remove(name);
  expect(left()).toEqual([]);
}

const extracted = (target: string): Promise<unknown> => engine.extract(name, target, PLATFORM);
const assembled = (target: string): Promise<unknown> => engine.assemble(name, target, PLATFORM);

/** A path of just so many bytes. */
function pathOf(bytes: number): string {
  const names = Array.from({ length: Math.floor(bytes / (LONG_NAME.length + 1)) }, () => LONG_NAME);
  return `${names.join("/")}/`.padEnd(bytes, "f");
}

/** The entry at the end of a path, without following it in one step: the kernel takes no longer ones. */
function enter(rootfs: string, path: string): { readonly isFile: boolean } {
  const cwd = process.cwd();
  const parts = path.split("/");
  const last = parts.pop() ?? "";
  try {
    process.chdir(rootfs);
    for (const part of parts) process.chdir(part);
    return { isFile: lstatSync(last).isFile() };
  } finally {
    process.chdir(cwd);
  }
}

const extension = (flag: string, content: string): WrittenEntry[] =>
  content.length > 100 ? [{ name: "././@LongLink", flag, content: `${content}\0` }] : [];

/** An entry whose name and link target stand in front of it, as GNU tar writes long ones. */
function gnuLong({ name: path, linkName = "", ...entry }: WrittenEntry): WrittenEntry[] {
  const short = { ...entry, name: path.slice(0, 100), linkName: linkName.slice(0, 100) };
  return [...extension("L", path), ...extension("K", linkName), short];
}

/** What uses names and link targets of so many bytes. */
function longEntries(bytes: number): { path: string; linkTarget: string; entries: WrittenEntry[] } {
  const [path, linkTarget] = [pathOf(bytes), `../${pathOf(MAX_PATH - 3)}`];
  const entries: WrittenEntry[] = [
    { name: path, content: "deep" },
    { name: "link", flag: "2", linkName: linkTarget },
    { name: "hard", flag: "1", linkName: path },
  ];
  return { path, linkTarget, entries };
}

describe("names and link targets of 4 KiB", () => {
  it.each<[string, number, typeof extracted, (entries: WrittenEntry[]) => WrittenEntry[]]>([
    ["in pax headers are unpacked, extracted", MAX_PATH, extracted, (entries) => entries],
    ["as GNU has them are unpacked, extracted", MAX_PATH, extracted, (entries) => entries.flatMap(gnuLong)],
    ["are unpacked, assembled where the kernel takes them", MAX_PATH - 512, assembled, (entries) => entries],
  ])("%s and removed", { timeout: 60_000 }, async (_, bytes, show, write) => {
    const { path, linkTarget, entries } = longEntries(bytes);
    await put(write(entries));
    await expectWhole(show, (made) => {
      expect(enter(made, path)).toEqual({ isFile: true });
      expect(readlinkSync(join(made, "link"))).toBe(linkTarget);
      expect(lstatSync(join(made, "hard")).nlink).toBe(2);
    });
    execFileSync("rm", ["-rf", join(directory, "made")]);
  });

  it("that are longer than the kernel takes where they are assembled are refused, and nothing of them stays", async () => {
    await put(longEntries(MAX_PATH).entries);
    await engine.pull(name, PLATFORM);
    const target = join(directory, "made");
    await expect(assembled(target)).rejects.toThrow(/^assemble root file system: cp: /);
    expect(readdirSync(target)).toEqual([]);
    await engine.remove(name);
    expect(left()).toEqual([]);
  });
});

function all(entryAt: (at: number) => WrittenEntry): WrittenEntry[] {
  return Array.from({ length: ENTRIES }, (_, at) => entryAt(at));
}

describe(`a layer of ${ENTRIES} entries`, () => {
  it.each<readonly [string, () => WrittenEntry[]]>([
    ["files", () => all((at) => ({ name: `d${at % 64}/f${at}` }))],
    [
      "directories in each other",
      () => all((at) => ({ name: `a${at % 16}/b${at % 256}/c${at}`, flag: "5", mode: 0o755 })),
    ],
    ["whiteouts", () => all((at) => ({ name: `d${at % 64}/.wh.f${at}` }))],
    ["twins", () => all((at) => ({ name: `d${at % 64}/f`, flag: at % 2 === 0 ? "0" : "5" }))],
  ])("that are %s is unpacked, and removed again", { timeout: 1_200_000 }, async (_, entries) => {
    await put(entries());
    await engine.pull(name, PLATFORM);
    const [layer] = (await engine.layers?.list()) ?? [];
    expect(layer?.entries).toBe(ENTRIES);
    await engine.remove(name);
    expect(left()).toEqual([]);
  });
});

/** A layer with one file of zeros, and what it is compressed to. */
async function zeros(bytes: number, compressor: Transform): Promise<WrittenLayer> {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(4 * 1024 * 1024);
  async function* archive(): AsyncGenerator<Buffer> {
    yield headerOf({ name: "zeros", size: bytes });
    for (let at = 0; at < bytes; at += piece.byteLength) yield piece;
    yield Buffer.alloc(1024);
  }
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of archive()) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const [blob] = await Promise.all([buffer(compressor), pipeline(hashed(), compressor)]);
  return { diffId: parseDigest(`sha256:${hash.digest("hex")}`), blob };
}

describe("a bomb", () => {
  it("of zstd, 1:10,000 and more, ends at the limit, and nothing of it stays", {
    timeout: 120_000,
  }, async () => {
    const bomb = await zeros(2 * GIB, createZstdCompress());
    expect((2 * GIB) / bomb.blob.byteLength).toBeGreaterThan(10_000);
    await put(bomb);
    const refused = /became \d+, more than 1100 times as many/;
    const error = await failureOf(engine.pull(name, PLATFORM));
    expect(error).toBeInstanceOf(ErrResourceExhausted);
    expect(error.message).toMatch(refused);
    expect(left()).toEqual([]);
    expect(await engine.images.list()).toEqual([]);
    await using plain = await openEngine({ root: engine.root });
    await plain.pull(name, PLATFORM);
    await expect(engine.unpack(name, PLATFORM)).rejects.toThrow(refused);
    expect(left()).toEqual([]);
  });

  it("of gzip cannot be more than what the limit allows", async () => {
    const layer = await zeros(64 * 1024 * 1024, createGzip({ level: 9 }));
    expect((64 * 1024 * 1024) / layer.blob.byteLength).toBeLessThan(1_100);
    await put(layer);
    await expectWhole(extracted, (made) =>
      expect(lstatSync(join(made, "zeros")).size).toBe(64 * 1024 * 1024),
    );
  });
});
