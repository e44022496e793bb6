import { link, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exists } from "../../../src/content/exists.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { readVerified } from "../../../src/content/read-verified.ts";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrAlreadyExists, ErrDataLoss } from "../../../src/errors/classes.ts";
import { blobFile, DAMAGE_KINDS, damage } from "../support/damage.ts";

const BYTES = Buffer.from("what the disk should hold");
const BLOB = { digest: digestOf(BYTES), size: BYTES.length };
const OTHER_KINDS = DAMAGE_KINDS.filter((kind) => kind !== "removed");

let root: string;
let store: LocalStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-damage-"));
  store = await openLocalStore({ root });
  await writeBlob(store, "first", BYTES, BLOB);
});
afterEach(async () => {
  await store.close();
  await rm(root, { recursive: true, force: true });
});

async function commitAgain(): Promise<unknown> {
  const writer = await store.writer({ ref: "second" });
  await writer.write(BYTES);
  return await writer.commit(BLOB).catch((error: unknown) => error);
}

async function readAll(reference: Parameters<typeof readVerified>[1]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readVerified(store, reference)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("a local store with a damaged blob", () => {
  it.each(OTHER_KINDS)("replaces one that was %s by the verified bytes of a commit", async (kind) => {
    await damage(root, BLOB.digest, kind);
    expect(await commitAgain()).toBeInstanceOf(ErrAlreadyExists);
    expect(await readFile(blobFile(root, BLOB.digest))).toEqual(BYTES);
    expect(await store.listStatuses()).toEqual([]);
  });

  it("keeps the labels of one that is replaced", async () => {
    await store.update({ digest: BLOB.digest, labels: { "a.b": "c" } });
    await damage(root, BLOB.digest, "cut");
    await commitAgain();
    expect((await store.info(BLOB.digest)).labels).toEqual({ "a.b": "c" });
  });

  it("leaves one alone that is whole", async () => {
    const { createdAtNs } = await store.info(BLOB.digest);
    expect(await commitAgain()).toBeInstanceOf(ErrAlreadyExists);
    expect((await store.info(BLOB.digest)).createdAtNs).toBe(createdAtNs);
  });

  it.each(DAMAGE_KINDS)("takes the bytes of one that was %s, whoever brings them", async (kind) => {
    await damage(root, BLOB.digest, kind);
    await writeBlob(store, "second", BYTES, BLOB);
    expect(await readAll(BLOB)).toEqual(BYTES);
  });

  it("believes its own bytes when a claim has another size", async () => {
    const lie = { ref: "second", expected: BLOB.digest, size: BLOB.size + 1 };
    await expect(store.writer(lie)).rejects.toThrow(ErrAlreadyExists);
  });

  it.each(["cut", "emptied"] as const)(
    "says so when one that was %s is opened with its size",
    async (kind) => {
      await damage(root, BLOB.digest, kind);
      await expect(store.readerAt(BLOB)).rejects.toThrow(ErrDataLoss);
      expect(await exists(store, BLOB)).toBe(false);
      expect(await exists(store, BLOB.digest)).toBe(true);
    },
  );

  it.each(OTHER_KINDS)(
    "says so behind the last byte of one that was %s, also when no size is known",
    async (kind) => {
      await damage(root, BLOB.digest, kind);
      await expect(readAll({ digest: BLOB.digest })).rejects.toMatchObject({
        name: "ErrDataLoss",
        digest: BLOB.digest,
      });
    },
  );

  it("notices damage that comes after it has looked", async () => {
    await expect(store.writer({ ref: "r", expected: BLOB.digest })).rejects.toThrow(ErrAlreadyExists);
    await damage(root, BLOB.digest, "flipped");
    await writeBlob(store, "second", BYTES, BLOB);
    expect(await readAll(BLOB)).toEqual(BYTES);
  });

  it("does not take the file of another blob, which it knows to be whole, for the one whose name that bears", async () => {
    const others = Buffer.from("what another blob should hold");
    const other = { digest: digestOf(others), size: others.length };
    await writeBlob(store, "other", others, other);
    expect(await commitAgain()).toBeInstanceOf(ErrAlreadyExists); // looks at the blob, and finds it whole
    await rm(blobFile(root, other.digest));
    await link(blobFile(root, BLOB.digest), blobFile(root, other.digest));
    await writeBlob(store, "other", others, other);
    expect(await readAll(other)).toEqual(others);
    expect(await readAll(BLOB)).toEqual(BYTES);
  });

  it("names what is in the way when it is a directory", async () => {
    await rm(blobFile(root, BLOB.digest));
    await mkdir(blobFile(root, BLOB.digest));
    const writer = await store.writer({ ref: "second", expected: BLOB.digest });
    await writer.write(BYTES);
    await expect(writer.commit(BLOB)).rejects.toMatchObject({ name: "ErrFailedPrecondition" });
    expect(await store.listStatuses()).toHaveLength(1);
  });

  it("tells one of two writers of the same bytes that the other was first", async () => {
    await store.delete(BLOB.digest);
    const writers = await Promise.all(["a", "b"].map((ref) => store.writer({ ref })));
    const ends = await Promise.allSettled(
      writers.map(async (writer) => {
        await writer.write(BYTES);
        return await writer.commit(BLOB);
      }),
    );
    expect(ends.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });
});
