import { createHash } from "node:crypto";
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LabelStore } from "../../../src/content/labels/label-store.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { formatRfc3339 } from "../../../src/content/rfc3339.ts";
import { type Digest, digestOf, encodedOf } from "../../../src/digest/digest.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrResourceExhausted,
  ErrUnavailable,
} from "../../../src/errors/classes.ts";
import { describeStore } from "../store-suite.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { canMount, mountSmallDisk } from "../support/small-disk.ts";
import { type Child, spawnChild } from "../support/spawn-child.ts";

describeStore("openLocalStore()", async () => {
  const root = await mkdtemp(join(tmpdir(), "local-store-"));
  const store = await openLocalStore({ root });
  return {
    store,
    async dispose() {
      await store.close();
      await rm(root, { recursive: true, force: true });
    },
  };
});

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "local-store-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

function ingestPath(ref: string, ...file: string[]): string {
  return join(root, "ingest", createHash("sha256").update(ref).digest("hex"), ...file);
}

function blobPath(digest: Digest): string {
  return join(root, "blobs", "sha256", encodedOf(digest));
}

async function leave(ref: string, bytes: Uint8Array, size?: number): Promise<void> {
  const writer = await store.writer({ ref, size });
  await writer.write(bytes);
  await writer.close();
}

describe("the local store on disk", () => {
  it("has containerd's ingest layout while writing, an OCI layout's blobs after, and nothing more", async () => {
    const bytes = Buffer.from("foobar");
    const writer = await store.writer({ ref: "a/ref", size: 6 });
    await writer.write(bytes);

    expect((await readdir(ingestPath("a/ref"))).sort()).toEqual([
      "data",
      "ref",
      "startedat",
      "total",
      "updatedat",
    ]);
    expect(await readFile(ingestPath("a/ref", "ref"), "utf8")).toBe("a/ref");
    expect(await readFile(ingestPath("a/ref", "data"), "utf8")).toBe("foobar");
    expect(await readFile(ingestPath("a/ref", "total"), "utf8")).toBe("6");
    const started = await readFile(ingestPath("a/ref", "startedat"), "utf8");
    expect(started).toBe(formatRfc3339((await writer.status()).startedAtNs));
    expect(await readdir(join(root, "locks"))).toHaveLength(2); // its name, and what that is a link to

    await writer.commit();
    const blob = blobPath(digestOf(bytes));
    expect(await readFile(blob, "utf8")).toBe("foobar");
    expect((await stat(blob)).mode & 0o777).toBe(0o444 & ~process.umask());
    expect(await readdir(join(root, "ingest"))).toEqual([]);
    expect(await readdir(join(root, "locks"))).toEqual([]);
    expect((await readdir(root)).sort()).toEqual(["blobs", "ingest", "locks"]);
  });

  it("writes no total when none is announced, and updatedat at close", async () => {
    const writer = await store.writer({ ref: "r" });
    expect((await readdir(ingestPath("r"))).sort()).toEqual(["data", "ref", "startedat", "updatedat"]);
    await writer.write(Buffer.from("x"));
    const { updatedAtNs } = await writer.status();
    await writer.close();
    expect(await readFile(ingestPath("r", "updatedat"), "utf8")).toBe(formatRfc3339(updatedAtNs));
  });

  it("makes nothing at all until something is written", async () => {
    await store.listStatuses();
    for await (const _ of store.walk());
    expect(await readdir(root)).toEqual([]);
  });

  it("reads the times that containerd writes", async () => {
    await leave("r", Buffer.from("x"));
    await writeFile(ingestPath("r", "startedat"), "2020-01-02T03:04:05.123456789+01:00");
    await writeFile(ingestPath("r", "updatedat"), "2100-01-02T03:04:05Z");
    const status = await store.status("r");
    expect(formatRfc3339(status.startedAtNs)).toBe("2020-01-02T02:04:05.123456789Z");
    expect(formatRfc3339(status.updatedAtNs)).toBe("2100-01-02T03:04:05.000000000Z");
  });

  it("passes over files that are not blobs", async () => {
    await leave("r", Buffer.from("x"));
    const digest = await (await store.writer({ ref: "r" })).commit();
    const hex = encodedOf(digest);
    await mkdir(join(root, "blobs", "sha256", hex.replace(/^./, "0")));
    await mkdir(join(root, "blobs", "md5"));
    await writeFile(join(root, "blobs", "md5", hex.slice(0, 32)), "");
    await writeFile(join(root, "blobs", "sha256", "README"), "");
    await writeFile(join(root, "blobs", "sha256", `${hex}.tmp`), "");
    await writeFile(join(root, "blobs", "file"), "");

    const walked: string[] = [];
    for await (const info of store.walk()) walked.push(info.digest);
    expect(walked).toEqual([digest]);
  });

  it("refuses refs beyond its bounds, which two could share, and takes none of the disk for them", async () => {
    for (const ref of ["r".repeat(1_000_000), "lone \ud800", "lone \udfff"]) {
      await expect(store.writer({ ref })).rejects.toThrow(ErrInvalidArgument);
      await expect(store.status(ref)).rejects.toThrow(ErrInvalidArgument);
      await expect(store.abort(ref)).rejects.toThrow(ErrInvalidArgument);
    }
    expect(await readdir(root)).toEqual([]);
  });

  it("keeps labels where it is told to, and leaves that open", async () => {
    const kept = new Map<string, Record<string, string>>();
    const labels: LabelStore = {
      get: async (digest) => kept.get(digest) ?? {},
      set: async (digest, all) => void kept.set(digest, { ...all }),
      merge: async (digest, changes) => void kept.set(digest, { ...kept.get(digest), ...changes }),
    };
    await using other = await openLocalStore({ root, labels });
    const writer = await other.writer({ ref: "r" });
    const digest = await writer.commit({ labels: { k: "v" } });
    await other.update({ digest, labels: { j: "w" } }, ["labels.j"]);
    expect((await other.info(digest)).labels).toEqual({ k: "v", j: "w" });
    expect(await readdir(root)).not.toContain("meta.db");
  });

  it("lets a reader read on after the blob was deleted", async () => {
    const bytes = pseudoRandom("deleted", 100_000);
    const writer = await store.writer({ ref: "deleted" });
    await writer.write(bytes);
    const digest = await writer.commit();
    await using reader = await store.readerAt({ digest });
    await store.delete(digest);
    const buffer = Buffer.alloc(100_000);
    await reader.readAt(buffer, 0);
    expect(buffer.equals(bytes)).toBe(true);
  });
});

describe("an ingest that is not as it was left", () => {
  it.each(["ref", "data"])("is skipped without its %s, and made anew by the next writer", async (file) => {
    await leave("half", Buffer.from("old bytes"));
    await leave("whole", Buffer.from("x"));
    await rm(ingestPath("half", file));

    expect((await store.listStatuses()).map(({ ref }) => ref)).toEqual(["whole"]);
    await expect(store.status("half")).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });

    const writer = await store.writer({ ref: "half" });
    expect((await writer.status()).offset).toBe(0);
    await writer.write(Buffer.from("new"));
    expect(await writer.commit()).toBe(digestOf("new"));
    expect((await store.info(digestOf("new"))).size).toBe(3);
  });

  it("may be an empty directory, or a file", async () => {
    await mkdir(ingestPath("empty"), { recursive: true });
    await writeFile(ingestPath("file"), "");
    expect(await store.listStatuses()).toEqual([]);
    for (const ref of ["empty", "file"]) await (await store.writer({ ref })).close();
    expect(await store.listStatuses()).toHaveLength(2);
  });

  it("is made anew and truncated when the ref in it is another", async () => {
    await leave("r", Buffer.from("bytes of somebody else"));
    await writeFile(ingestPath("r", "ref"), "another");
    const writer = await store.writer({ ref: "r" });
    await writer.write(Buffer.from("mine"));
    expect(await writer.commit()).toBe(digestOf("mine"));
    expect((await store.info(digestOf("mine"))).size).toBe(4);
  });

  it("is resumed without its times and total, and when it is read-only", async () => {
    await leave("r", Buffer.from("foo"), 6);
    for (const file of ["startedat", "updatedat", "total"]) await writeFile(ingestPath("r", file), "");
    await chmod(ingestPath("r", "data"), 0o444);
    const before = await store.status("r");
    expect(before).toMatchObject({ offset: 3, total: 0 });
    expect(before.startedAtNs).toBeGreaterThan(0n);

    const writer = await store.writer({ ref: "r", size: 6 });
    expect((await writer.status()).offset).toBe(3);
    expect((await stat(ingestPath("r", "data"))).mode & 0o200).toBe(0o200);
    await writer.write(Buffer.from("bar"));
    expect(await writer.commit()).toBe(digestOf("foobar"));
  });

  it("is resumed with the bytes that are there, however many they are", async () => {
    const bytes = pseudoRandom("resumed", 2_500_000);
    await leave("r", bytes);
    await truncate(ingestPath("r", "data"), 2_100_000);
    const writer = await store.writer({ ref: "r" });
    expect((await writer.status()).offset).toBe(2_100_000);
    expect(writer.digest()).toBe(digestOf(bytes.subarray(0, 2_100_000)));
    await writer.write(bytes.subarray(2_100_000));
    expect(await writer.commit()).toBe(digestOf(bytes));
  });

  it("is not published when others changed it under the writer", async () => {
    const writer = await store.writer({ ref: "r" });
    await writer.write(Buffer.from("mine"));
    await appendFile(ingestPath("r", "data"), " and theirs");
    await expect(writer.commit()).rejects.toThrow(ErrDataLoss);
    for await (const info of store.walk()) expect(info).toBeUndefined();
  });

  it("gives its ref free when reading it back is canceled", async () => {
    await leave("r", pseudoRandom("r", 3_000_000));
    const controller = new AbortController();
    const opening = store.writer({ ref: "r", signal: controller.signal });
    controller.abort();
    await expect(opening).rejects.toThrow(ErrCanceled);
    const writer = await store.writer({ ref: "r" });
    expect((await writer.status()).offset).toBe(3_000_000);
    await writer.close();
  });

  it("is swept when its removal was cut short", async () => {
    await leave("r", Buffer.from("x"));
    const rest = `${ingestPath("gone")}.0123456789ab.removed`;
    await mkdir(rest);
    await writeFile(join(rest, "ref"), "gone");
    await writeFile(join(rest, "data"), "bytes");
    expect(await store.listStatuses()).toHaveLength(1);

    await using other = await openLocalStore({ root });
    expect(await other.listStatuses()).toHaveLength(1);
    expect(await readdir(join(root, "ingest"))).toHaveLength(1);
  });
});

describe("two stores on one root", () => {
  const children: Child[] = [];

  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill();
  });

  function start(...args: string[]): Child {
    const child = spawnChild(args);
    children.push(child);
    return child;
  }

  it("exclude each other in one process", async () => {
    await using other = await openLocalStore({ root });
    const writer = await store.writer({ ref: "r" });
    await expect(other.writer({ ref: "r" })).rejects.toThrow(ErrUnavailable);
    await expect(other.writer({ ref: "r" })).rejects.toThrow(/^ref r locked /);
    await writer.close();
    await (await other.writer({ ref: "r" })).close();
  });

  it("go on where a killed process stopped in mid-write", async () => {
    const bytes = pseudoRandom("killed", 1_000_000);
    const child = start("write", root, "killed", "killed", "600000");
    expect(await child.line()).toBe("written");
    const options = { ref: "killed", size: 1_000_000, expected: digestOf(bytes) };
    await expect(store.writer(options)).rejects.toThrow(ErrUnavailable);
    expect(await store.status("killed")).toMatchObject({ offset: 600_000, total: 1_000_000 });

    await child.kill();
    const writer = await store.writer(options);
    expect((await writer.status()).offset).toBe(600_000);
    expect(writer.digest()).toBe(digestOf(bytes.subarray(0, 600_000)));
    await writer.write(bytes.subarray(600_000));
    expect(await writer.commit({ size: 1_000_000, expected: digestOf(bytes) })).toBe(digestOf(bytes));
    expect(await readdir(join(root, "locks"))).toEqual([]);
  });

  it("find only whole blobs and usable ingests, whenever the other was killed", async () => {
    for (const [round, lines] of [1, 4, 9, 20].entries()) {
      const child = start("churn", root, `churn ${round}`);
      for (let line = 0; line < lines; line++) await child.line();
      await child.kill();

      const labelled: string[] = [];
      for await (const info of store.walk()) {
        await readBlob(store, info); // verifies
        expect((await stat(blobPath(info.digest))).mode & 0o333).toBe(0);
        labelled.push(info.labels["index"] ?? "none");
      }
      expect(labelled.filter((index) => index === "none").length).toBeLessThanOrEqual(round + 1);
      for (const { ref } of await store.listStatuses()) {
        const writer = await store.writer({ ref });
        expect(await store.status(ref)).toMatchObject({ offset: (await writer.status()).offset });
        await writer.close();
      }
    }
  });

  it("write a blob once between them", async () => {
    const digest = digestOf(pseudoRandom("shared", 500_000));
    const running = [1, 2, 3].map(() => start("commit", root, "shared", "shared", digest));
    const lines = await Promise.all(running.map((child) => child.line()));
    expect(lines.sort()).toEqual(["ERR_ALREADY_EXISTS", "ERR_ALREADY_EXISTS", `committed ${digest}`]);
    expect(Object.keys((await store.info(digest)).labels)).toEqual(["by"]);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("lose no label between them", async () => {
    const digest = await (await store.writer({ ref: "r" })).commit();
    const running = ["a", "b", "c"].map((prefix) => start("label", root, digest, prefix, "30"));
    for (const child of running) expect(await child.line()).toBe("done");
    expect(Object.keys((await store.info(digest)).labels)).toHaveLength(90);
  });
});

describe("a root that cannot be used", () => {
  it("throws typed errors when it is a file, below one, or holds one in its place", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    await expect(openLocalStore({ root: file })).rejects.toThrow(ErrFailedPrecondition);
    await expect(openLocalStore({ root: join(file, "below") })).rejects.toThrow(ErrFailedPrecondition);

    await writeFile(join(root, "blobs"), "");
    await writeFile(join(root, "ingest"), "");
    await expect(store.listStatuses()).rejects.toThrow(ErrFailedPrecondition);
    await expect(store.writer({ ref: "r" })).rejects.toThrow(ErrFailedPrecondition);
    await rm(join(root, "ingest"));
    const writer = await store.writer({ ref: "r" });
    await expect(writer.commit()).rejects.toThrow(ErrFailedPrecondition);
    expect(await store.status("r")).toMatchObject({ ref: "r" });
    await expect(store.info(digestOf(""))).rejects.toThrow(ErrFailedPrecondition);
  });

  it("sets labels aside that are damaged, and goes on", async () => {
    await writeFile(join(root, "meta.db"), "no database at all".repeat(100));
    const digest = await (await store.writer({ ref: "r" })).commit({ labels: { k: "v" } });
    expect((await store.info(digest)).labels).toEqual({ k: "v" });
    expect((await readdir(root)).filter((name) => name.startsWith("meta.db.damaged-"))).toHaveLength(1);
  });

  it("throws ErrFailedPrecondition for labels once the store is closed", async () => {
    const digest = await (await store.writer({ ref: "r" })).commit({ labels: { k: "v" } });
    await store.close();
    await store.close();
    await expect(store.info(digest)).rejects.toThrow(ErrFailedPrecondition);
  });

  it.skipIf(!canMount)("can be read, labels and all, when it is read-only", async () => {
    const disk = await mountSmallDisk(4_096);
    try {
      const writable = await openLocalStore({ root: disk.path });
      await (await writable.writer({ ref: "left" })).close();
      const writer = await writable.writer({ ref: "r" });
      await writer.write(Buffer.from("foobar"));
      const digest = await writer.commit({ labels: { k: "v" } });
      await writable.close();
      await disk.makeReadOnly();

      const readable = await openLocalStore({ root: disk.path });
      expect(await readable.info(digest)).toMatchObject({ size: 6, labels: { k: "v" } });
      expect(await readable.listStatuses()).toMatchObject([{ ref: "left" }]);
      for (const change of [
        () => readable.writer({ ref: "r" }),
        () => readable.delete(digest),
        () => readable.abort("left"),
        () => readable.update({ digest, labels: {} }),
      ]) {
        await expect(change()).rejects.toThrow(ErrFailedPrecondition);
        await expect(change()).rejects.toThrow(/read-only file system/);
      }
      await readable.close();
    } finally {
      await disk.dispose();
    }
  });
});

describe("a disk that takes no more", () => {
  it("throws ErrResourceExhausted and keeps what it took, when files may not grow", async () => {
    const child = spawnChild(["fill", root, "big", "big"], { limitKib: 100 });
    const [code, offset, digest] = (await child.line()).split(" ");
    await child.kill();
    const bytes = pseudoRandom("big", 1_000_000);
    expect(code).toBe("ERR_RESOURCE_EXHAUSTED");
    expect(Number(offset)).toBe(102_400); // in mid-piece: what was taken is counted and hashed
    expect(digest).toBe(digestOf(bytes.subarray(0, 102_400)));

    const writer = await store.writer({ ref: "big" });
    expect(await writer.status()).toMatchObject({ offset: 102_400 });
    await writer.write(bytes.subarray(102_400));
    expect(await writer.commit()).toBe(digestOf(bytes));
  });

  it.skipIf(!canMount)("throws ErrResourceExhausted and goes on once there is space", async () => {
    const disk = await mountSmallDisk(1_024);
    try {
      const small = await openLocalStore({ root: disk.path });
      const bytes = pseudoRandom("full", 600_000);
      const ballast = join(disk.path, "ballast");
      await writeFile(ballast, Buffer.alloc(600_000));

      const writer = await small.writer({ ref: "full" });
      const fill = async (): Promise<void> => {
        for (let at = 0; at < bytes.byteLength; at += 50_000)
          await writer.write(bytes.subarray(at, at + 50_000));
      };
      await expect(fill()).rejects.toThrow(ErrResourceExhausted);
      await expect(fill()).rejects.toThrow(/no space left on device/);
      const { offset } = await writer.status();
      expect(writer.digest()).toBe(digestOf(bytes.subarray(0, offset)));
      await writer.close();
      await rm(ballast);

      const next = await small.writer({ ref: "full" });
      expect((await next.status()).offset).toBe(offset);
      await next.write(bytes.subarray(offset));
      expect(await next.commit()).toBe(digestOf(bytes));
      await small.close();
    } finally {
      await disk.dispose();
    }
  });
});
