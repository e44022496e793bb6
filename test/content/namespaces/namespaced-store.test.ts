import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exists } from "../../../src/content/exists.ts";
import type { LocalStore } from "../../../src/content/local/local-content-store.ts";
import { openLocalStore } from "../../../src/content/local/local-store.ts";
import { namespacedStore, type SharingPolicy } from "../../../src/content/namespaces/namespaced-store.ts";
import {
  openNamespaceMetadata,
  type SqliteNamespaceMetadata,
} from "../../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { RootLease } from "../../../src/content/ownership/root-lease.ts";
import type { Store } from "../../../src/content/store.ts";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../../src/errors/classes.ts";
import { METADATA_WORDS } from "../../../src/testing/store-contract/store-traits.ts";
import { until } from "../../distribution/support/until.ts";
import { describeStore } from "../store-suite.ts";
import { describeNamespaces } from "../suite/namespaces.ts";
import { pseudoRandom } from "../support/pseudo-random.ts";
import { spawnChild } from "../support/spawn-child.ts";

let root: string;
let backend: LocalStore;
let metadata: SqliteNamespaceMetadata;

async function openRoot(): Promise<void> {
  root = await mkdtemp(join(tmpdir(), "namespaced-store-"));
  backend = await openLocalStore({ root });
  metadata = openNamespaceMetadata({ root });
}

async function disposeRoot(): Promise<void> {
  metadata.close();
  await backend.close();
  await rm(root, { recursive: true, force: true });
}

function viewOf(namespace: string, policy: SharingPolicy = "shared"): Store {
  return namespacedStore(backend, metadata, { namespace, policy });
}

for (const policy of ["shared", "isolated"] as const) {
  describeStore(`namespacedStore(), ${policy}`, async () => {
    await openRoot();
    return { store: viewOf("default", policy), traits: { words: METADATA_WORDS }, dispose: disposeRoot };
  });

  describeNamespaces(`two namespaces, ${policy}`, policy, async () => {
    await openRoot();
    return {
      store: (namespace) => viewOf(namespace, policy),
      label: (namespace, key, value) => metadata.labelNamespace(namespace, { [key]: value }),
      dispose: disposeRoot,
    };
  });
}

describe("namespacedStore() on its backend", () => {
  const BYTES = pseudoRandom("backend", 1_000);
  const DIGEST = digestOf(BYTES);
  const BLOB = { size: 1_000, digest: DIGEST };

  beforeEach(openRoot);
  afterEach(disposeRoot);

  it.each(["", "a b", "a/b", "-a", "a-", "a..b", "ä", "a".repeat(77), "a\n"])(
    "refuses the name %j",
    (namespace) => {
      expect(() => viewOf(namespace)).toThrow(ErrInvalidArgument);
    },
  );

  it("says which part of a name is wrong", () => {
    expect(() => viewOf("a/b")).toThrow(
      'namespace validation: identifier "a/b" must match ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$',
    );
    expect(() => viewOf("a".repeat(77))).toThrow("greater than maximum length (76 characters)");
    expect(() => viewOf("x".repeat(10_000))).toThrow(`identifier "${"x".repeat(256)}" greater`);
    expect(() => viewOf("")).toThrow("namespace validation: identifier must not be empty");
  });

  it("says what is missing or of another size in the words of containerd's metadata store", async () => {
    const store = viewOf("one");
    const missing = `content digest ${DIGEST}: not found`;
    for (const asked of [
      () => store.info(DIGEST),
      () => store.update({ digest: DIGEST, labels: {} }),
      () => store.delete(DIGEST),
      () => store.readerAt(BLOB),
    ]) {
      await expect(asked()).rejects.toMatchObject({ message: missing, digest: DIGEST });
    }
    for (const asked of [() => store.status("a ref"), () => store.abort("a ref")]) {
      await expect(asked()).rejects.toMatchObject({
        code: "ERR_NOT_FOUND",
        message: "reference a ref: not found",
      });
    }
    for (const size of [999, -1]) {
      const writer = await store.writer({ ref: 'a "ref"' });
      await writer.truncate(0);
      await writer.write(BYTES);
      const message = `"a \\"ref\\"" failed size validation: 1000 != ${size}`;
      const committed = writer.commit({ size, expected: digestOf("other") });
      await expect(committed).rejects.toMatchObject({ code: "ERR_FAILED_PRECONDITION", message });
      expect(await store.status('a "ref"')).toMatchObject({ offset: 1_000 });
    }
  });

  it.each(["k8s.io", "moby", "a_b-C.9", "a".repeat(76)])("takes the name %j", async (namespace) => {
    await writeBlob(viewOf(namespace), "blob", BYTES, BLOB);
    expect(await exists(viewOf(namespace), DIGEST)).toBe(true);
  });

  it("keeps its ingests under its name, and its labels to itself", async () => {
    const store = viewOf("k8s.io");
    const writer = await store.writer({ ref: "a/ref", size: 1_000 });
    expect(await backend.listStatuses()).toMatchObject([{ ref: "k8s.io/a/ref", total: 1_000 }]);
    await writer.write(BYTES);
    await writer.commit({ labels: { k: "v" } });
    expect(await backend.info(DIGEST)).toMatchObject({ size: 1_000, labels: {} });
    expect(await readdir(join(root, "locks"))).toEqual([]);
  });

  it("does not see ingests of the backend, also one whose name looks like a namespace", async () => {
    await (await backend.writer({ ref: "plain" })).close();
    await (await backend.writer({ ref: "default" })).close();
    expect(await viewOf("default").listStatuses()).toEqual([]);
  });

  it("removes the blob from the backend with its last entry, and only then", async () => {
    await writeBlob(viewOf("one"), "blob", BYTES, BLOB);
    await writeBlob(viewOf("two"), "blob", BYTES, BLOB);
    await viewOf("one").delete(DIGEST);
    expect(await exists(backend, DIGEST)).toBe(true);
    await viewOf("two").delete(DIGEST);
    expect(await exists(backend, DIGEST)).toBe(false);
  });

  it.each(["shared", "isolated"] as const)(
    "leaves in the backend what it found there (%s)",
    async (policy) => {
      await writeBlob(backend, "blob", BYTES, { ...BLOB, labels: { k: "raw" } });
      const store = viewOf("one", policy);
      expect(await exists(store, DIGEST)).toBe(false);
      await writeBlob(store, "blob", BYTES, BLOB);
      expect((await store.info(DIGEST)).labels).toEqual({});
      await store.delete(DIGEST);
      expect(await exists(store, DIGEST)).toBe(false);
      expect((await backend.info(DIGEST)).labels).toEqual({ k: "raw" });
    },
  );

  it("does not show what was deleted in the backend, and can be given it again", async () => {
    const [one, two] = [viewOf("one"), viewOf("two")];
    await writeBlob(one, "blob", BYTES, { ...BLOB, labels: { k: "old" } });
    await writeBlob(two, "blob", BYTES, BLOB);
    await expect(backend.delete(DIGEST)).rejects.toThrow(/namespace (?:one|two) needs it$/);
    await backend.delete(DIGEST, { force: true });
    for await (const info of one.walk()) expect(info).toBeUndefined();
    await expect(one.info(DIGEST)).rejects.toThrow(ErrNotFound);
    await expect(one.readerAt(BLOB)).rejects.toThrow(ErrNotFound);

    await writeBlob(one, "blob", BYTES, BLOB);
    expect((await one.info(DIGEST)).labels).toEqual({});
    expect(await exists(two, DIGEST)).toBe(false);
    await one.delete(DIGEST);
    expect(await exists(backend, DIGEST)).toBe(false);
  });

  it("leaves no ingest when the content came while its writer was opened", async () => {
    const store = viewOf("one");
    const racing: Store = Object.create(backend, {
      writer: {
        value: async (...args: Parameters<Store["writer"]>) => {
          await writeBlob(store, "other", BYTES, BLOB);
          return backend.writer(...args);
        },
      },
      abort: { value: (ref: string) => backend.abort(ref) },
      info: { value: (digest: typeof DIGEST) => backend.info(digest) },
    });
    const late = namespacedStore(racing, metadata, { namespace: "one" });
    const opening = late.writer({ ref: "late", expected: DIGEST });
    await expect(opening).rejects.toMatchObject({ code: "ERR_ALREADY_EXISTS" });
    expect(await backend.listStatuses()).toEqual([]);
  });

  it("keeps what one commits while another deletes the same, in either order", async () => {
    for (let round = 0; round < 10; round++) {
      const [one, two] = [viewOf("one"), viewOf("two")];
      await writeBlob(one, "blob", BYTES, BLOB);
      await Promise.all([one.delete(DIGEST), writeBlob(two, "blob", BYTES)]);
      expect(await exists(backend, DIGEST)).toBe(true);
      expect((await two.info(DIGEST)).size).toBe(1_000);
      await two.delete(DIGEST);
      expect(await exists(backend, DIGEST)).toBe(false);
    }
  });

  it("counts as nobody else's what it takes up after another one let it go and before that was swept", async () => {
    const [one, two] = [viewOf("one"), viewOf("two")];
    await writeBlob(one, "blob", BYTES, BLOB);
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const holding = new RootLease(root).inTurn(async () => {
      begun.resolve(); // a sweep of another process
      await go.promise;
    });
    await begun.promise;
    const deleting = one.delete(DIGEST);
    await until(async () => (await metadata.get("one", DIGEST)) === undefined);
    await writeBlob(two, "blob", BYTES, BLOB);
    go.resolve();
    await Promise.all([holding, deleting]);
    expect((await two.info(DIGEST)).size).toBe(1_000);
    await two.delete(DIGEST);
    expect(await exists(backend, DIGEST)).toBe(false);
  });

  it("waits for whoever adds or removes the same, until the signal fires", async () => {
    const store = viewOf("one");
    await writeBlob(store, "blob", BYTES, BLOB);
    const release = await metadata.lock(DIGEST);
    const controller = new AbortController();
    const deleting = store.delete(DIGEST, { signal: controller.signal });
    controller.abort();
    await expect(deleting).rejects.toMatchObject({ code: "ERR_CANCELED" });
    expect((await store.info(DIGEST)).size).toBe(1_000);
    release();
    await store.delete(DIGEST);
    expect(await exists(backend, DIGEST)).toBe(false);
  });

  it("keeps in every process what its namespace has, while others commit and delete the same", async () => {
    const children = ["a", "b", "c"].map((namespace) => spawnChild(["share", root, namespace, "15"]));
    try {
      for (const child of children) expect(await child.line()).toBe("done");
    } finally {
      for (const child of children) await child.kill();
    }
    expect(await exists(backend, digestOf(pseudoRandom("shared", 2_000)))).toBe(false);
    expect(await backend.listStatuses()).toEqual([]);
    expect(await readdir(join(root, "locks"))).toEqual(["epochs"]);
  });

  it("knows its content again after it was closed and opened", async () => {
    await writeBlob(viewOf("one"), "blob", BYTES, { ...BLOB, labels: { k: "v" } });
    const before = await viewOf("one").info(DIGEST);
    using other = openNamespaceMetadata({ root });
    const reopened = namespacedStore(backend, other, { namespace: "one" });
    expect(await reopened.info(DIGEST)).toEqual(before);
    await reopened.update({ digest: DIGEST, labels: { k: "w" } });
    expect((await viewOf("one").info(DIGEST)).labels).toEqual({ k: "w" });
  });

  it("keeps the labels of namespaces themselves apart, also for others on the same root", async () => {
    expect(await metadata.namespaceLabels("one")).toEqual({});
    await metadata.labelNamespace("one", { a: "1", b: "2" });
    await metadata.labelNamespace("two", { a: "3" });
    await metadata.labelNamespace("one", { a: "", c: "4", d: "" });
    using other = openNamespaceMetadata({ root });
    expect(await other.namespaceLabels("one")).toEqual({ b: "2", c: "4" });
    expect(await other.namespaceLabels("two")).toEqual({ a: "3" });
    expect(await other.namespaceLabels("three")).toEqual({});
  });

  it("refuses labels of a namespace that are too long, and a namespace that is none", async () => {
    const long = metadata.labelNamespace("one", { a: "v".repeat(4_096) });
    await expect(long).rejects.toThrow(ErrInvalidArgument);
    await expect(metadata.labelNamespace("a/b", { a: "v" })).rejects.toThrow(ErrInvalidArgument);
    expect(await metadata.namespaceLabels("one")).toEqual({});
  });

  it("walks more entries than one page holds", async () => {
    const digests = [];
    for (let index = 0; index < 450; index++) {
      const digest = digestOf(`blob ${index}`);
      await metadata.add("one", digest, { labels: {}, found: false });
      digests.push(digest);
    }
    const listed: string[] = [];
    for await (const { digest } of metadata.list("one")) listed.push(digest);
    expect(listed).toEqual(digests.toSorted());
    for await (const entry of metadata.list("two")) expect(entry).toBeUndefined();
  });
});
