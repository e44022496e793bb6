import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nowNs } from "../../../src/async/wall-clock.ts";
import { exists } from "../../../src/content/exists.ts";
import type { SharingPolicy } from "../../../src/content/namespaces/namespaced-store.ts";
import { openWriter } from "../../../src/content/open-writer.ts";
import type { Store } from "../../../src/content/store.ts";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { type Digest, digestOf } from "../../../src/digest/digest.ts";
import { ErrAlreadyExists, ErrNotFound } from "../../../src/errors/classes.ts";
import {
  expectDigest,
  expectInfo,
  expectWithin,
} from "../../../src/testing/store-contract/store-under-test.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";

/** Several namespaces of one store, all empty. */
export interface NamespacesFixture {
  store(namespace: string): Store;
  /** Sets a label of a namespace itself, or removes it by an empty value. */
  label(namespace: string, key: string, value: string): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * What namespaces get from each other: the cases `CrossNamespace...` of containerd's `content/testsuite`, and
 * what its metadata store does beyond them.
 */
export function describeNamespaces(
  name: string,
  policy: SharingPolicy,
  open: () => Promise<NamespacesFixture>,
): void {
  describe(name, () => {
    const t = useNamespaces(open);
    describeSeparation(t);
    if (policy === "shared") describeSharing(t);
    else describeIsolation(t);
  });
}

interface NamespacesUnderTest {
  readonly one: Store;
  readonly two: Store;
  readonly three: Store;
  label(namespace: string, key: string, value: string): Promise<void>;
}

function useNamespaces(open: () => Promise<NamespacesFixture>): NamespacesUnderTest {
  let fixture: NamespacesFixture | undefined;

  beforeEach(async () => {
    fixture = await open();
  });

  afterEach(() => fixture?.dispose());

  const opened = (): NamespacesFixture => {
    if (!fixture) throw new Error("no test is running");
    return fixture;
  };
  return {
    get one() {
      return opened().store("one");
    },
    get two() {
      return opened().store("two");
    },
    get three() {
      return opened().store("three");
    },
    label: (namespace, key, value) => opened().label(namespace, key, value),
  };
}

const BYTES = pseudoRandom("namespaces", 1_000);
const DIGEST = digestOf(BYTES);
const BLOB = { size: 1_000, digest: DIGEST };
const SHAREABLE = "containerd.io/namespace.shareable";
const HINTS = { ref: "ref-1000", size: 1_000, expected: DIGEST };

async function read(store: Store, digest: Digest): Promise<Buffer> {
  await using reader = await store.readerAt({ digest });
  const bytes = Buffer.alloc(reader.size);
  await reader.readAt(bytes, 0);
  return bytes;
}

function describeSeparation(t: NamespacesUnderTest): void {
  it("show their own content, labels and ingests only", async () => {
    await writeBlob(t.one, "blob", BYTES, { ...BLOB, labels: { k: "one" } });
    await (await t.one.writer({ ref: "ingest" })).close();

    expect(await exists(t.two, DIGEST)).toBe(false);
    for await (const info of t.two.walk()) expect(info).toBeUndefined();
    expect(await t.two.listStatuses()).toEqual([]);
    for (const unknown of [
      () => t.two.readerAt({ digest: DIGEST }),
      () => t.two.update({ digest: DIGEST, labels: {} }),
      () => t.two.delete(DIGEST),
      () => t.two.status("ingest"),
      () => t.two.abort("ingest"),
    ]) {
      await expect(unknown()).rejects.toThrow(ErrNotFound);
    }
    expectInfo(await t.one.info(DIGEST), { bytes: BYTES, labels: { k: "one" } });
  });

  it("have refs of their own", async () => {
    const first = await t.one.writer({ ref: "same" });
    const second = await t.two.writer({ ref: "same" });
    await first.write(BYTES);
    expect((await second.status()).offset).toBe(0);
    await first.close();
    await second.close();
    expect(await t.one.status("same")).toMatchObject({ ref: "same", offset: 1_000 });
    expect(await t.two.listStatuses()).toMatchObject([{ ref: "same", offset: 0 }]);
  });

  it("keep the bytes until the last one deletes them, and each its own labels", async () => {
    await writeBlob(t.one, "blob", BYTES, { ...BLOB, labels: { k: "one" } });
    await writeBlob(t.two, "blob", BYTES, { ...BLOB, labels: { k: "two" } });
    await t.two.update({ digest: DIGEST, labels: { k: "changed" } });
    expect((await t.one.info(DIGEST)).labels).toEqual({ k: "one" });

    await t.one.delete(DIGEST);
    await expect(t.one.delete(DIGEST)).rejects.toThrow(ErrNotFound);
    expect(await exists(t.one, DIGEST)).toBe(false);
    expectInfo(await t.two.info(DIGEST), { bytes: BYTES, labels: { k: "changed" } });
    expect((await read(t.two, DIGEST)).equals(BYTES)).toBe(true);

    await t.two.delete(DIGEST);
    expect(await exists(t.two, DIGEST)).toBe(false);
    const writer = await openWriter(t.one, HINTS);
    expect((await writer.status()).offset).toBe(0);
    await writer.close();
  });

  it("refuse in each what it has itself", async () => {
    for (const store of [t.one, t.two]) {
      await writeBlob(store, "blob", BYTES, BLOB);
      await expect(store.writer(HINTS)).rejects.toThrow(ErrAlreadyExists);
      const writer = await store.writer({ ref: "again" });
      await writer.write(BYTES);
      await expect(writer.commit()).rejects.toThrow(`content ${DIGEST}`);
      expect(await store.listStatuses()).toEqual([]);
    }
  });
}

function describeSharing(t: NamespacesUnderTest): void {
  it("CrossNamespaceAppend: a writer of known content can go on with more", async () => {
    const started = nowNs();
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    const writer = await openWriter(t.two, HINTS);
    const opened = nowNs();
    const status = await writer.status();
    expect(status).toMatchObject({ ref: HINTS.ref, offset: 1_000, total: 1_000 });
    expectWithin(status.startedAtNs, started, opened);
    expectWithin(status.updatedAtNs, started, opened);

    const longer = Buffer.concat([BYTES, Buffer.from("more")]);
    await writer.write(Buffer.from("more"));
    expectDigest(writer, longer);
    await writer.commit({ size: 1_004, expected: digestOf(longer) });
    expect((await read(t.one, DIGEST)).equals(BYTES)).toBe(true);
    expect((await read(t.two, digestOf(longer))).equals(longer)).toBe(true);
    expect(await exists(t.two, DIGEST)).toBe(false);
  });

  it("CrossNamespaceShare: a writer of known content is complete", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, { ...BLOB, labels: { k: "one" } });
    const opening = nowNs();
    const writer = await openWriter(t.two, HINTS);
    expect(await writer.status()).toMatchObject({ ref: HINTS.ref, offset: 1_000, total: 1_000 });
    expectDigest(writer, BYTES);
    expect(await writer.commit({ size: 1_000, expected: DIGEST, labels: { k: "two" } })).toBe(DIGEST);

    const info = await t.two.info(DIGEST);
    expectInfo(info, { bytes: BYTES, labels: { k: "two" } });
    expectWithin(info.createdAtNs, opening);
    expect((await t.one.info(DIGEST)).labels).toEqual({ k: "one" });
    expect((await read(t.two, DIGEST)).equals(BYTES)).toBe(true);
    expect(await t.two.listStatuses()).toEqual([]);
  });

  it("shares nothing when another size is announced", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    const writer = await openWriter(t.two, { ...HINTS, size: 999 });
    expect(await writer.status()).toMatchObject({ offset: 0, total: 999 });
    await writer.close();
  });

  it("lets a complete writer start from nothing", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    const writer = await openWriter(t.two, HINTS);
    await writer.truncate(0);
    expect((await writer.status()).offset).toBe(0);
    await writer.write(BYTES);
    expect(await writer.commit()).toBe(DIGEST);
  });

  it("checks the commit of a complete writer, and lets it be tried again", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    for (const wrong of [{ size: 999 }, { expected: digestOf("other") }]) {
      const writer = await openWriter(t.two, HINTS);
      await expect(writer.commit(wrong)).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION" });
    }
    const long = { k: "v".repeat(4_096) };
    const writer = await openWriter(t.two, HINTS);
    await expect(writer.commit({ labels: long })).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect(await exists(t.two, DIGEST)).toBe(false);
    expect(await (await openWriter(t.two, HINTS)).commit()).toBe(DIGEST);
  });

  it("does not commit what was deleted under a complete writer", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    const writer = await openWriter(t.two, HINTS);
    await t.one.delete(DIGEST);
    await expect(writer.commit()).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
    expect(await exists(t.two, DIGEST)).toBe(false);
    await writeBlob(t.two, HINTS.ref, BYTES, BLOB);
    expect((await read(t.two, DIGEST)).equals(BYTES)).toBe(true);
  });
}

function describeIsolation(t: NamespacesUnderTest): void {
  it("CrossNamespaceIsolate: every namespace writes all the bytes", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    const opening = nowNs();
    const writer = await openWriter(t.two, HINTS);
    expect(await writer.status()).toMatchObject({ ref: HINTS.ref, offset: 0, total: 1_000 });
    expectDigest(writer, Buffer.alloc(0));
    await writer.write(BYTES);
    expect(await writer.commit({ size: 1_000, expected: DIGEST })).toBe(DIGEST);

    const info = await t.two.info(DIGEST);
    expectInfo(info, { bytes: BYTES });
    expectWithin(info.createdAtNs, opening);
    expect((await read(t.two, DIGEST)).equals(BYTES)).toBe(true);
    expect(await t.two.listStatuses()).toEqual([]);
  });

  it("takes no digest for the bytes", async () => {
    await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
    const writer = await openWriter(t.two, HINTS);
    await expect(writer.commit({ expected: DIGEST })).rejects.toMatchObject({
      code: "ERR_FAILED_PRECONDITION",
    });
    expect(await exists(t.two, DIGEST)).toBe(false);
  });

  describe("from a namespace that is labelled shareable", () => {
    it("SharedNamespaceIsolate: a writer of what it has is complete", async () => {
      await t.label("one", SHAREABLE, "true");
      const started = nowNs();
      await writeBlob(t.one, HINTS.ref, BYTES, { ...BLOB, labels: { k: "one" } });
      const writer = await openWriter(t.two, HINTS);
      const opened = nowNs();
      const status = await writer.status();
      expect(status).toMatchObject({ ref: HINTS.ref, offset: 1_000, total: 1_000 });
      expectWithin(status.startedAtNs, started, opened);
      expectWithin(status.updatedAtNs, started, opened);
      expectDigest(writer, BYTES);
      expect(await writer.commit({ size: 1_000, expected: DIGEST })).toBe(DIGEST);

      expectInfo(await t.one.info(DIGEST), { bytes: BYTES, labels: { k: "one" } });
      expectInfo(await t.two.info(DIGEST), { bytes: BYTES });
      expect((await read(t.two, DIGEST)).equals(BYTES)).toBe(true);
      expect(await t.two.listStatuses()).toEqual([]);
    });

    it.each([
      ["another value", SHAREABLE, "TRUE"],
      ["another key", "containerd.io/namespace", "true"],
      ["a label that was removed", SHAREABLE, ""],
    ])("nothing comes with %s", async (_title, key, value) => {
      await t.label("one", SHAREABLE, value === "" ? "true" : "");
      await t.label("one", key, value);
      await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
      await expectNothingShared(t.two);
    });

    it("nothing comes that only another namespace has, labelled or not", async () => {
      await t.label("two", SHAREABLE, "true");
      await t.label("three", SHAREABLE, "true");
      await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
      await expectNothingShared(t.two);
    });

    it("nothing is committed that is shared no more", async () => {
      await t.label("one", SHAREABLE, "true");
      await writeBlob(t.one, HINTS.ref, BYTES, BLOB);
      const unlabelled = await openWriter(t.two, HINTS);
      await t.label("one", SHAREABLE, "");
      await expect(unlabelled.commit()).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });

      await t.label("one", SHAREABLE, "true");
      await writeBlob(t.three, HINTS.ref, BYTES, BLOB);
      const deleted = await openWriter(t.two, HINTS);
      await t.one.delete(DIGEST);
      await expect(deleted.commit()).rejects.toMatchObject({ code: "ERR_UNAVAILABLE" });
      expect(await exists(t.two, DIGEST)).toBe(false);
      expect(await exists(t.three, DIGEST)).toBe(true);
    });
  });
}

async function expectNothingShared(store: Store): Promise<void> {
  const writer = await openWriter(store, HINTS);
  expect(await writer.status()).toMatchObject({ offset: 0, total: 1_000 });
  await writer.close();
}
