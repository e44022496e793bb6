import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FORGET_MS, type Illness } from "../../../src/distribution/health/illness.ts";
import { IllnessFiles } from "../../../src/distribution/health/illness-file.ts";
import { ErrInvalidArgument } from "../../../src/errors.ts";
import { FakeClock } from "../../registry/support/fake-clock.ts";

const A = "https://a.test";
const illness: Illness = {
  failures: 2,
  atMs: 1_700_000_000_000,
  restMs: 900,
  unreachable: true,
  why: "gone",
};

let root: string;
let files: IllnessFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-illness-"));
  files = new IllnessFiles(root);
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function pathOfA(): Promise<string> {
  await files.write(A, illness);
  const [name = ""] = await readdir(join(root, "endpoints"));
  return join(root, "endpoints", name);
}

describe("IllnessFiles", () => {
  it("keeps one illness for each endpoint, until it is forgotten", async () => {
    expect(await files.read(A)).toBeUndefined();
    await files.write(A, illness);
    await files.write("https://b.test", { ...illness, failures: 7 });
    expect(await new IllnessFiles(root).read(A)).toMatchObject(illness);
    expect(await files.read("https://b.test")).toMatchObject({ failures: 7 });
    await files.forget(A);
    await files.forget(A);
    expect(await files.read(A)).toBeUndefined();
    expect(await readdir(join(root, "endpoints"))).toHaveLength(1);
  });

  it("names no endpoint in the name of a file, and cuts a long reason", async () => {
    const path = await pathOfA();
    expect(path).not.toContain("a.test");
    await files.write(A, { ...illness, why: "x".repeat(100_000) });
    expect((await files.read(A))?.why).toHaveLength(512);
  });

  it.each<[what: string, change: (text: string) => string]>([
    ["is cut off", (text) => text.slice(0, 20)],
    ["is empty", () => ""],
    ["is no object", () => "[1]"],
    ["is null", () => "null"],
    ["is of another endpoint", (text) => text.replace("a.test", "b.test")],
    ["has a time that is none", (text) => text.replace(String(illness.atMs), '"soon"')],
    ["has a time before all times", (text) => text.replace(String(illness.atMs), "-5")],
    ["has no failures", (text) => text.replace('"failures":2', '"failures":0')],
    ["has half a failure", (text) => text.replace('"failures":2', '"failures":0.5')],
    ["has no reason", (text) => text.replace('"gone"', "1")],
    ["is far too long", (text) => text.replace("gone", "x".repeat(10_000))],
  ])("takes a file that %s for none", async (_what, change) => {
    const path = await pathOfA();
    await writeFile(path, change(await readFile(path, "utf8")));
    expect(await files.read(A)).toBeUndefined();
  });

  it("refuses what is no file", async () => {
    const path = await pathOfA();
    await rm(path);
    await mkdir(path);
    await expect(files.read(A)).rejects.toThrow(ErrInvalidArgument);
  });

  it("forgets in a prune what is over, damaged or no illness at all, and nothing else", async () => {
    const clock = new FakeClock();
    files = new IllnessFiles(root, clock);
    await files.write("https://over.test", { ...illness, atMs: clock.now() - FORGET_MS - 1 });
    const path = await pathOfA();
    await files.write(A, { ...illness, atMs: clock.now() });
    await mkdir(join(root, "endpoints", "folder"));
    await writeFile(join(root, "endpoints", "damaged"), "{");
    await writeFile(join(root, "endpoints", "elsewhere"), await readFile(path));
    await files.prune();
    expect(await readdir(join(root, "endpoints"))).toHaveLength(1);
    expect(await files.read(A)).toMatchObject({ failures: illness.failures });
  });

  it("gives the right to find out to one at a time, and leaves no lock behind", async () => {
    const first = await files.tryLock(A);
    expect(await new IllnessFiles(root).tryLock(A)).toBeUndefined();
    const other = await files.tryLock("https://b.test");
    other?.();
    first?.();
    const second = await files.tryLock(A);
    expect(second).toBeDefined();
    second?.();
    expect(await readdir(join(root, "locks"))).toEqual([]);
  });
});
