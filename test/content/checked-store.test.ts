import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalStore } from "../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../src/content/local/local-store.ts";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";

const BYTES = Buffer.from("some content");
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };

let root: string;
let store: LocalStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "checked-store-"));
  store = await openLocalStore({ root });
});

afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

/** Arguments as a caller in plain JavaScript may give them. */
function untyped(value: unknown): never {
  return value as never;
}

describe("writers and readers of a store", () => {
  it.each([{ brief: true }, { brief: false }])(
    "refuse arguments that cannot be, each by itself, and go on ($brief)",
    async ({ brief }) => {
      await using other = await store.writer({ ref: "other", size: 1, brief });
      await using writer = await store.writer({ ref: "content", ...BLOB, brief });
      expect(() => writer.write(untyped("text"))).toThrow(ErrInvalidArgument);
      await expect(writer.truncate(untyped("0"))).rejects.toThrow('truncate ingest: argument "size"');
      await expect(writer.commit(untyped({ expected: 1 }))).rejects.toThrow(ErrInvalidArgument);
      await writer.write(BYTES);
      expect(await writer.commit({ expected: BLOB.digest })).toBe(BLOB.digest);
      expect((await other.status()).offset).toBe(0);

      await using reader = await store.readerAt(BLOB);
      await expect(reader.readAt(untyped([]), 0)).rejects.toThrow('read content: argument "buffer"');
      const read = new Uint8Array(BYTES.length);
      await reader.readAt(read, 0);
      expect(Buffer.from(read)).toEqual(BYTES);
    },
  );
});
