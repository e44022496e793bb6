import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { V1LayerStore } from "../../../src/distribution/root/v1-layer-store.ts";

const RECORD = { digest: digestOf("layer"), size: 5 };
const CONTENT = {
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  diffId: digestOf("tar"),
  isEmpty: false,
  sum: digestOf("sum"),
};

let root: string;
let store: V1LayerStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-v1-layers-"));
  store = new V1LayerStore(root);
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function file(): Promise<string> {
  const [name = ""] = await readdir(join(root, "v1-layers"));
  return join(root, "v1-layers", name);
}

describe("V1LayerStore", () => {
  it("finds what it was told, by a key of any length", async () => {
    const key = `v1-layer-${"x".repeat(10_000)}`;
    expect(await store.find(key)).toBeUndefined();
    await store.remember(key, RECORD);
    expect(await store.find(key)).toEqual(RECORD);
    await store.remember(key, { ...RECORD, content: CONTENT });
    expect(await store.find(key)).toEqual({ ...RECORD, content: CONTENT });
    await store.forget(key);
    expect(await store.find(key)).toBeUndefined();
    await store.forget(key);
  });

  it.each([
    "",
    "no JSON",
    "null",
    "[]",
    JSON.stringify({ ...RECORD, digest: "sha256:short" }),
    JSON.stringify({ ...RECORD, size: "5" }),
    JSON.stringify({ ...RECORD, content: { ...CONTENT, diffId: 7 } }),
    JSON.stringify({ ...RECORD, content: { ...CONTENT, isEmpty: "no" } }),
    JSON.stringify({ ...RECORD, content: {} }),
    " ".repeat(10_000),
  ])("knows nothing by a file that says %j", async (text) => {
    await store.remember("key", RECORD);
    await writeFile(await file(), text);
    expect(await store.find("key")).toBeUndefined();
    await store.prune(async () => true);
    expect(await readdir(join(root, "v1-layers")), "it may be being written").toHaveLength(1);
    await utimes(await file(), 0, 0);
    await store.prune(async () => true);
    expect(await readdir(join(root, "v1-layers"))).toEqual([]);
  });

  it("removes by its age what is no file", async () => {
    const folder = join(root, "v1-layers", "folder");
    await mkdir(folder, { recursive: true });
    await store.prune(async () => true);
    expect(await readdir(join(root, "v1-layers"))).toEqual(["folder"]);
    await utimes(folder, 0, 0);
    await store.prune(async () => true);
    expect(await readdir(join(root, "v1-layers"))).toEqual([]);
  });

  it("forgets what is not here, and what is empty by its age", async () => {
    await store.prune(async () => false);
    await store.remember("empty", { ...RECORD, content: { ...CONTENT, isEmpty: true } });
    await store.prune(async () => false);
    expect(await store.find("empty")).toBeDefined();
    await utimes(await file(), 0, 0);
    await store.prune(async () => true);
    expect(await store.find("empty")).toBeUndefined();
    await store.remember("full", { ...RECORD, content: CONTENT });
    await store.prune(async () => true);
    expect(await store.find("full")).toBeDefined();
    await store.prune(async () => false);
    expect(await store.find("full")).toBeUndefined();
  });
});
