import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteLabelStore } from "../../../src/content/labels/sqlite-label-store.ts";
import { openNamespaceMetadata } from "../../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { describeWithMounts } from "../../distribution/support/describe-with-mounts.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

const DIGEST = digestOf("blob");
const LABELS = { "a.b": "c" };
const SOURCES = join(import.meta.dirname, "../../../src");

let folder: string;
/** `folder`, or a disk of the test's own. */
let root: string;
let path: string;
let warned: string[];
let closing: Disposable[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-meta-"));
  root = folder;
  path = join(root, "meta.db");
  warned = [];
  closing = [];
});
afterEach(async () => {
  closeAll();
  await rm(folder, { recursive: true, force: true });
});

/** To be called as well before a disk goes on which something is open. */
function closeAll(): void {
  for (const each of closing) each[Symbol.dispose]();
  closing = [];
}

function labels(elapsed: () => number = () => 0): SqliteLabelStore {
  const clock = { now: () => 0, elapsed, sleep: async () => {} };
  const store = new SqliteLabelStore(path, { warn: (_, message) => warned.push(message), clock });
  closing.push({ [Symbol.dispose]: () => store.close() });
  return store;
}

function namespaces(): ReturnType<typeof openNamespaceMetadata> {
  const metadata = openNamespaceMetadata({ root });
  closing.push(metadata);
  return metadata;
}

/** Another program that has the database for itself. */
function admin(statement: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(statement);
  closing.push({ [Symbol.dispose]: () => database.isOpen && database.close() });
  return database;
}

async function setAsideFiles(): Promise<readonly string[]> {
  return (await readdir(root)).filter((name) => name.includes(".damaged-"));
}

describe("metadata that is damaged", () => {
  it.each([
    ["garbage", Buffer.alloc(8192, 7)],
    ["a truncated database", Buffer.from("SQLite format 3\0")],
  ])("is set aside when it is %s, with a warning, and labels are written anew", async (_, bytes) => {
    await writeFile(path, bytes);
    const store = labels();
    expect(await store.get(DIGEST)).toEqual({});
    await store.set(DIGEST, LABELS);
    expect(await store.get(DIGEST)).toEqual(LABELS);
    expect(await setAsideFiles()).toHaveLength(1);
    expect(warned).toEqual(["damaged metadata was set aside: the labels of blobs are lost"]);
  });

  it("is set aside once, by whichever connection finds it first", async () => {
    const stores = [labels(), labels()] as const;
    await stores[0].set(DIGEST, LABELS);
    await stores[1].get(DIGEST);
    for (const suffix of ["-wal", "-shm"]) await rm(path + suffix);
    await rm(path);
    await writeFile(path, Buffer.alloc(8192, 7));
    await Promise.all(stores.map((store, index) => store.merge(DIGEST, { [`k${index}`]: "v" })));
    expect(await setAsideFiles()).toHaveLength(1);
    expect(await stores[0].get(DIGEST)).toEqual({ k0: "v", k1: "v" });
  });

  it("says that what namespaces hold is lost, until the file is removed", async () => {
    const metadata = namespaces();
    await metadata.add("team", DIGEST, { labels: {}, found: false });
    expect(metadata.lost()).toBeUndefined();
    metadata.close();
    await writeFile(path, Buffer.alloc(8192, 7));
    await labels().get(DIGEST);
    expect(warned[0]).toContain("what namespaces hold");
    const reopened = namespaces();
    const [name = ""] = await setAsideFiles();
    expect(reopened.lost()).toBe(join(root, name));
    await rm(join(root, name));
    expect(reopened.lost()).toBeUndefined();
  });
});

describe("metadata that somebody keeps locked", () => {
  it("is done without by those who only read labels, who then wait no more for a while", async () => {
    let now = 0;
    const before = labels();
    await before.set(DIGEST, LABELS);
    before.close();
    const other = admin("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const store = labels(() => now);
    for (const _ of "twice") expect(await store.get(DIGEST)).toEqual({});
    expect(warned).toHaveLength(1);
    await expect(store.merge(DIGEST, { more: "yes" })).rejects.toMatchObject({ name: "ErrUnavailable" });
    other.close();
    now = 60_000;
    expect(await store.get(DIGEST)).toEqual(LABELS);
  });

  it("does not stop labels from being forgotten in vain", async () => {
    const store = labels();
    await store.set(DIGEST, LABELS);
    admin("BEGIN IMMEDIATE");
    await expect(store.set(DIGEST, {})).resolves.toBeUndefined();
    expect(warned).toHaveLength(1);
  });
});

describe("metadata of another version", () => {
  it("is left as it is when it is newer", async () => {
    admin("PRAGMA user_version = 99").close();
    await expect(labels().set(DIGEST, LABELS)).rejects.toMatchObject({
      name: "ErrFailedPrecondition",
      message: expect.stringContaining("got schema version 99, wanted at most 1"),
    });
    expect(await labels().get(DIGEST)).toEqual({});
    expect(await setAsideFiles()).toEqual([]);
  });

  it("is brought up to date when it is older, and tells that namespaces hold content", async () => {
    const metadata = namespaces();
    await metadata.add("team", DIGEST, { labels: {}, found: false });
    metadata.close();
    await rm(join(root, "namespaces"));
    admin("PRAGMA user_version = 0").close();
    expect(await namespaces().get("team", DIGEST)).toBeDefined();
    expect((await stat(join(root, "namespaces"))).size).toBe(0);
  });
});

describe("metadata whose file is exchanged", () => {
  it("is read from the file that bears the name now", async () => {
    const store = labels();
    await store.set(DIGEST, LABELS);
    for (const suffix of ["", "-wal", "-shm"]) await rm(path + suffix);
    expect(await store.get(DIGEST)).toEqual({});
    await store.set(DIGEST, { other: "value" });
    expect(await labels().get(DIGEST)).toEqual({ other: "value" });
  });
});

describeWithMounts("metadata on a read-only disk", () => {
  it("is read, and written as soon as the disk can be", async () => {
    const disk = await mountSmallDisk(1024);
    path = join(disk.path, "meta.db");
    try {
      const before = labels();
      await before.set(DIGEST, LABELS);
      before.close();
      await disk.makeReadOnly();
      const store = labels();
      expect(await store.get(DIGEST)).toEqual(LABELS);
      await expect(store.merge(DIGEST, { k: "v" })).rejects.toMatchObject({
        name: "ErrFailedPrecondition",
        message: expect.stringMatching(/: read-only file system$/),
      });
      await disk.makeWritable();
      await store.merge(DIGEST, { k: "v" });
      expect(await store.get(DIGEST)).toEqual({ ...LABELS, k: "v" });
    } finally {
      closeAll();
      await disk.dispose();
    }
  });
});

describeWithMounts("metadata on a full disk", () => {
  it.each(["closed", "killed"])("is read, also what a process wrote that was %s", async (how) => {
    const disk = await mountSmallDisk(1024);
    root = disk.path;
    path = join(root, "meta.db");
    try {
      const script = `
        import { openNamespaceMetadata } from ${JSON.stringify(join(SOURCES, "content/namespaces/sqlite-namespace-metadata.ts"))};
        const metadata = openNamespaceMetadata({ root: ${JSON.stringify(root)} });
        await metadata.add("team", "${DIGEST}", { labels: ${JSON.stringify(LABELS)}, found: false });
        if (${how === "killed"}) process.kill(process.pid, "SIGKILL");
        metadata.close();`;
      const options = ["--no-warnings", "--input-type=module", "-e", script];
      await promisify(execFile)(process.execPath, options).catch(() => {});
      await rm(`${path}-shm`, { force: true }); // as after a restart of the machine
      await writeFile(join(root, "filler"), Buffer.alloc(2_000_000)).catch(() => {});

      const metadata = namespaces();
      expect(await metadata.get("team", DIGEST)).toMatchObject({ labels: LABELS });
      await expect(metadata.labels("team").merge(DIGEST, { k: "v" })).rejects.toMatchObject({
        name: "ErrResourceExhausted",
        message: expect.stringMatching(/: no space left on device$/),
      });
      expect(await labels().get(DIGEST)).toEqual({});
      await rm(join(root, "filler"));
      await metadata.labels("team").merge(DIGEST, { k: "v" });
      expect(await metadata.get("team", DIGEST)).toMatchObject({ labels: { ...LABELS, k: "v" } });
    } finally {
      closeAll();
      await disk.dispose();
    }
  });
});

describe("metadata that is first opened when descriptors are short", () => {
  it("is done without, and used again as soon as there are some", async () => {
    await labels().set(DIGEST, LABELS);
    const script = `
      import { closeSync, openSync } from "node:fs";
      import { SqliteLabelStore } from ${JSON.stringify(join(SOURCES, "content/labels/sqlite-label-store.ts"))};
      const clock = { now: () => 0, elapsed: (() => { let ms = 0; return () => (ms += 60_000); })(), sleep: async () => {} };
      for (let spare = 0; spare < 6; spare++) {
        const store = new SqliteLabelStore(${JSON.stringify(path)}, { warn() {}, clock });
        const taken = [];
        try { for (;;) taken.push(openSync("/dev/null")); } catch {}
        for (let index = 0; index < spare; index++) closeSync(taken.pop());
        await store.get("${DIGEST}");
        for (const descriptor of taken) closeSync(descriptor);
        await store.merge("${DIGEST}", { ["k" + spare]: "v" });
        console.log(JSON.stringify(await store.get("${DIGEST}")));
        store.close();
      }`;
    const flags = ["--no-warnings", "--input-type=module", "-e", script];
    const limited = ["-c", 'ulimit -n 128; exec "$@"', "bash", process.execPath, ...flags];
    const { stdout } = await promisify(execFile)("bash", limited);
    const [last = "{}"] = stdout.trim().split("\n").toReversed();
    const all = Object.fromEntries(Array.from({ length: 6 }, (_, spare) => [`k${spare}`, "v"]));
    expect(JSON.parse(last)).toEqual({ ...LABELS, ...all });
  });
});
