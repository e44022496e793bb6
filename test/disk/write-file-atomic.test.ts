import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isTemporary } from "../../src/disk/temporary-files.ts";
import { syncDirectory, writeFileAtomic } from "../../src/disk/write-file-atomic.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../src/errors/classes.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-"));
});
afterEach(() => rm(root, { recursive: true }));

/** "one two" in two chunks, or an error after the first. */
async function* chunks(error?: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.from("one ");
  if (error) throw error;
  yield Buffer.from("two");
}

describe("writeFileAtomic()", () => {
  it("makes a file, and nothing beside it", async () => {
    await writeFileAtomic(join(root, "index.json"), "{}\n");
    expect(await readFile(join(root, "index.json"), "utf8")).toBe("{}\n");
    expect(await readdir(root)).toEqual(["index.json"]);
  });

  it("writes bytes as they are", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, value) => value);
    await writeFileAtomic(join(root, "bytes"), bytes);
    expect(new Uint8Array(await readFile(join(root, "bytes")))).toEqual(bytes);
  });

  it("writes chunks as they come, and leaves the old file and nothing else when they break off", async () => {
    const path = join(root, "chunks");
    const reason = new ErrFailedPrecondition("torn");
    await writeFileAtomic(path, chunks());
    await expect(writeFileAtomic(path, chunks(reason))).rejects.toBe(reason);
    expect(await readFile(path, "utf8")).toBe("one two");
    expect(await readdir(root)).toEqual(["chunks"]);
  });

  it("replaces the file itself: who reads the old one goes on reading it", async () => {
    const path = join(root, "file");
    await writeFile(path, "old and long");
    const before = await stat(path);
    await writeFileAtomic(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).ino).not.toBe(before.ino);
  });

  it("writes anew when its temporary file was taken for one that was left behind", async () => {
    const path = join(root, "file");
    let taken = 0;
    const written = writeFileAtomic(path, "x".repeat(10_000_000));
    while (taken === 0) {
      const temporary = (await readdir(root)).find(isTemporary);
      if (temporary === undefined) continue;
      taken++;
      await rm(join(root, temporary), { force: true });
    }
    await written;
    expect(await readFile(path)).toHaveLength(10_000_000);
    expect(await readdir(root)).toEqual(["file"]);
  });

  it("fails where its directory has gone", async () => {
    await expect(writeFileAtomic(join(root, "gone", "file"), "x")).rejects.toBeInstanceOf(ErrNotFound);
  });

  it("replaces a file that is read-only", async () => {
    const path = join(root, "file");
    await writeFile(path, "old");
    await chmod(path, 0o444);
    await writeFileAtomic(path, "new");
    expect(await readFile(path, "utf8")).toBe("new");
  });

  it("lets every reader find one whole content while many write", async () => {
    const path = join(root, "file");
    const contents = Array.from({ length: 20 }, (_, number) => String(number % 10).repeat(100_000));
    await writeFileAtomic(path, contents[0] ?? "");
    const seen: string[] = [];
    const done = new AbortController();
    const reader = (async () => {
      do seen.push(await readFile(path, "utf8"));
      while (!done.signal.aborted);
    })();
    await Promise.all(contents.map((content) => writeFileAtomic(path, content))).finally(() => done.abort());
    await reader;
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((content) => !contents.includes(content))).toEqual([]);
    expect(await readdir(root)).toEqual(["file"]);
  });

  it("throws ErrNotFound when the directory is missing", async () => {
    const path = join(root, "missing", "file");
    const writing = writeFileAtomic(path, "x");
    await expect(writing).rejects.toBeInstanceOf(ErrNotFound);
    await expect(writing).rejects.toThrow(`write file "${path}": no such file or directory`);
  });

  it("leaves nothing behind when the file cannot take the place", async () => {
    const path = join(root, "directory");
    await mkdir(path);
    await expect(writeFileAtomic(path, "x")).rejects.toBeInstanceOf(ErrFailedPrecondition);
    expect(await readdir(root)).toEqual(["directory"]);
  });
});

describe("syncDirectory()", () => {
  it("takes a directory", async () => {
    await expect(syncDirectory(root)).resolves.toBeUndefined();
  });

  it("throws the system's error for a missing one", async () => {
    await expect(syncDirectory(join(root, "missing"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
