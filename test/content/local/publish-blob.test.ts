import fs from "node:fs";
import { readdir } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { readBlob } from "../../../src/content/read-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrAborted } from "../../../src/errors/classes.ts";
import { storeOnOddDisk } from "./support/store-on-odd-disk.ts";

const BYTES = Buffer.from("foobar");
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };

const disk = storeOnOddDisk();

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
    await using writer = await disk.store.writer({
      ref: "ref",
      expected: BLOB.digest,
      size: BLOB.size,
      brief,
    });
    await writer.write(BYTES);
    await writer.commit();
  }

  it("is published while another one makes the directory of blobs", async () => {
    whenRenameFails(({ blob }) => fs.mkdirSync(dirname(blob), { recursive: true }));
    await write();
    expect(BYTES.equals(await readBlob(disk.store, BLOB))).toBe(true);
    expect(await readdir(join(disk.root, "ingest"))).toEqual([]);
  });

  it("is none when its ingest was removed meanwhile", async () => {
    whenRenameFails(({ data }) => fs.rmSync(data));
    await expect(write()).rejects.toBeInstanceOf(ErrAborted);
  });
});
