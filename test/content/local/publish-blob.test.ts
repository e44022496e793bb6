import fs from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readBlob } from "../../../src/content/read-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrAborted } from "../../../src/errors/classes.ts";

const BYTES = Buffer.from("foobar");
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-publish-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  await store.close();
  await rm(root, { recursive: true, force: true });
});

/** Has somebody else do something in the moment after a rename of the data has failed. */
function whenRenameFails(act: (paths: { readonly data: string; readonly blob: string }) => void): void {
  const real = fs.renameSync;
  vi.spyOn(fs, "renameSync").mockImplementation((data, blob) => {
    try {
      real(data, blob);
    } catch (error) {
      act({ data: String(data), blob: String(blob) });
      throw error;
    }
  });
  syncBuiltinESMExports();
}

describe.each([
  ["kept in memory until then", true],
  ["on disk from its first byte", false],
])("the first blob of a root, %s", (_, brief) => {
  async function write(): Promise<void> {
    await using writer = await store.writer({ ref: "ref", expected: BLOB.digest, size: BLOB.size, brief });
    await writer.write(BYTES);
    await writer.commit();
  }

  it("is published while another one makes the directory of blobs", async () => {
    whenRenameFails(({ blob }) => fs.mkdirSync(dirname(blob), { recursive: true }));
    await write();
    expect(BYTES.equals(await readBlob(store, BLOB))).toBe(true);
    expect(await readdir(join(root, "ingest"))).toEqual([]);
  });

  it("is none when its ingest was removed meanwhile", async () => {
    whenRenameFails(({ data }) => fs.rmSync(data));
    await expect(write()).rejects.toBeInstanceOf(ErrAborted);
  });
});
