import { lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tryLockFile } from "../../src/disk/file-lock.ts";
import { isDataLoss, isFailedPrecondition, isInvalidArgument, isNotFound } from "../../src/errors.ts";
import type { ImageEvent } from "../../src/images/image-store.ts";
import { LayoutImageStore } from "../../src/images/layout-image-store.ts";
import { named } from "./support.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "drayage-images-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const REDIS = "docker.io/library/redis:7";

async function indexJson(): Promise<{ manifests: Array<Record<string, unknown>> }> {
  return JSON.parse(await readFile(join(root, "index.json"), "utf8"));
}

/** What is told of the name when it points at what `text` names. */
function event(text: string, cause: string, previous?: string): object {
  const target = named(text);
  return { name: REDIS, digest: target.digest, target, previous: previous && named(previous), cause };
}

describe("LayoutImageStore.open()", () => {
  it("makes an empty OCI layout", async () => {
    await LayoutImageStore.open(root);
    expect(JSON.parse(await readFile(join(root, "oci-layout"), "utf8"))).toEqual({
      imageLayoutVersion: "1.0.0",
    });
    expect(await indexJson()).toEqual({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [],
    });
  });

  it("leaves a layout of another tool as it is", async () => {
    const foreign = '{"schemaVersion":2,"manifests":[],"annotations":{"by":"another tool"}}';
    await writeFile(join(root, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    await writeFile(join(root, "index.json"), foreign);
    await LayoutImageStore.open(root);
    expect(await readFile(join(root, "index.json"), "utf8")).toBe(foreign);
  });

  it("throws ErrFailedPrecondition when the root is a file", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    const error = await LayoutImageStore.open(file).catch((cause: unknown) => cause);
    expect(isFailedPrecondition(error)).toBe(true);
  });
});

describe("LayoutImageStore", () => {
  it("tags under the full name, in both annotations that tools look at", async () => {
    const store = await LayoutImageStore.open(root);
    expect(await store.tag("redis:7", named("manifest"))).toBeUndefined();
    expect((await indexJson()).manifests).toEqual([
      {
        ...named("manifest"),
        annotations: { "org.opencontainers.image.ref.name": REDIS, "io.containerd.image.name": REDIS },
      },
    ]);
  });

  it("returns what the name pointed at before", async () => {
    const store = await LayoutImageStore.open(root);
    await store.tag("redis:7", named("old"));
    expect(await store.tag(REDIS, named("new"))).toEqual(named("old"));
    expect(await store.list()).toEqual([{ name: REDIS, target: named("new") }]);
  });

  it("writes nothing for a name that points there already, and says so all the same", async () => {
    const store = await LayoutImageStore.open(root);
    await store.tag("redis:7", named("manifest"));
    const before = await stat(join(root, "index.json"), { bigint: true });
    const events: ImageEvent[] = [];
    store.events.on("tag", (event) => events.push(event));
    expect(await store.tag(REDIS, named("manifest"))).toEqual(named("manifest"));
    const after = await stat(join(root, "index.json"), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    const target = named("manifest");
    const { digest } = target;
    expect(events).toEqual([{ name: REDIS, digest, target, previous: target, cause: "tag" }]);
  });

  it("keeps the annotations of the target apart from its own", async () => {
    const store = await LayoutImageStore.open(root);
    const target = named("manifest", { annotations: { "org.example.built": "today" } });
    await store.tag("redis:7", target);
    expect((await store.get("redis:7")).target).toEqual(target);
  });

  it("finds images by familiar and by full name, and lists them sorted", async () => {
    const store = await LayoutImageStore.open(root);
    await store.tag("zoo", named("z"));
    await store.tag("quay.io/a/b:1", named("b"));
    expect((await store.get("zoo")).name).toBe("docker.io/library/zoo:latest");
    expect((await store.list()).map(({ name }) => name)).toEqual([
      "docker.io/library/zoo:latest",
      "quay.io/a/b:1",
    ]);
  });

  it("untags one name and keeps the others", async () => {
    const store = await LayoutImageStore.open(root);
    await store.tag("redis:7", named("manifest"));
    await store.tag("redis:latest", named("manifest"));
    expect(await store.untag("redis:7")).toEqual({ name: REDIS, target: named("manifest") });
    expect((await store.list()).map(({ name }) => name)).toEqual(["docker.io/library/redis:latest"]);
  });

  it("throws ErrNotFound for a name that is not there", async () => {
    const store = await LayoutImageStore.open(root);
    expect(isNotFound(await store.get("redis").catch((cause: unknown) => cause))).toBe(true);
    expect(isNotFound(await store.untag("redis").catch((cause: unknown) => cause))).toBe(true);
  });

  it("throws ErrInvalidArgument with the grammar's text for a malformed name", async () => {
    const store = await LayoutImageStore.open(root);
    const error = await store.tag("Redis:7", named("manifest")).catch((cause: unknown) => cause);
    expect(isInvalidArgument(error)).toBe(true);
    expect((error as Error).message).toContain("must be lowercase");
  });

  it("emits tag and untag", async () => {
    const store = await LayoutImageStore.open(root);
    const told: Array<[string, ImageEvent]> = [];
    store.events.on("tag", (event) => told.push(["tag", event]));
    store.events.on("untag", (event) => told.push(["untag", event]));
    await store.tag("redis:7", named("manifest"));
    await store.untag("redis:7");
    await store.tag("redis:7", named("old"), { cause: "import" });
    await store.tag("redis:7", named("new"));
    await store.untag("redis:7", { cause: "remove" });
    expect(told).toEqual([
      ["tag", event("manifest", "tag")],
      ["untag", event("manifest", "untag")],
      ["tag", event("old", "import")],
      ["tag", event("new", "tag", "old")],
      ["untag", event("new", "remove")],
    ]);
  });

  it("keeps entries of other tools, named and unnamed, through every change", async () => {
    const unnamed = { ...named("unnamed") };
    const short = { ...named("short"), annotations: { "org.opencontainers.image.ref.name": "v1" } };
    await writeFile(join(root, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    await writeFile(
      join(root, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: [unnamed, short] }),
    );
    const store = await LayoutImageStore.open(root);
    await store.tag("redis:7", named("manifest"));
    await store.untag("redis:7");
    expect((await indexJson()).manifests).toEqual([unnamed, short]);
    expect(await store.get("v1")).toEqual({ name: "v1", target: named("short") });
  });

  it("loses no name when two stores on one root tag at the same time", async () => {
    const [one, two] = await Promise.all([LayoutImageStore.open(root), LayoutImageStore.open(root)]);
    const names = Array.from({ length: 20 }, (_, index) => `repo:v${index}`);
    await Promise.all(names.map((name, index) => (index % 2 === 0 ? one : two).tag(name, named(name))));
    expect((await one.list()).map(({ name }) => name)).toEqual(
      names.map((name) => `docker.io/library/${name}`).toSorted(),
    );
  });

  it("throws ErrDataLoss for an index.json that is damaged, and does not replace it", async () => {
    await LayoutImageStore.open(root);
    await writeFile(join(root, "index.json"), '{"manifests": [');
    const store = await LayoutImageStore.open(root);
    const error = await store.tag("redis:7", named("manifest")).catch((cause: unknown) => cause);
    expect(isDataLoss(error)).toBe(true);
    expect(await readFile(join(root, "index.json"), "utf8")).toBe('{"manifests": [');
  });
});

/** Makes the root a layout whose `index.json` another tool wrote. */
async function foreignLayout(index: Record<string, unknown>): Promise<LayoutImageStore> {
  await writeFile(join(root, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(root, "index.json"), JSON.stringify(index));
  return await LayoutImageStore.open(root);
}

const OCI_NAME = "org.opencontainers.image.ref.name";

describe("LayoutImageStore on an index.json of other tools", () => {
  it("keeps top-level fields and unknown fields of entries through every change", async () => {
    const entry = {
      ...named("theirs"),
      "x-vendor": 7,
      platform: { os: "linux", architecture: "arm64", features: ["sse4"] },
      newField: { deep: true },
    };
    const index = {
      schemaVersion: 2,
      artifactType: "application/x",
      annotations: { "org.example.release": "42" },
      "x-vendor": { a: 1 },
      manifests: [entry],
    };
    const store = await foreignLayout(index);
    await store.tag("redis:7", named("manifest"));
    await store.untag("redis:7");
    expect(await indexJson()).toEqual(index);
  });

  it("keeps unknown fields of an entry that is tagged again with the same content", async () => {
    const store = await foreignLayout({
      schemaVersion: 2,
      manifests: [{ ...named("manifest"), "x-vendor": 7, annotations: { [OCI_NAME]: REDIS } }],
    });
    await store.tag("redis:7", named("manifest"));
    expect((await indexJson()).manifests).toMatchObject([{ "x-vendor": 7 }]);
    await store.tag("redis:7", named("other"));
    expect((await indexJson()).manifests[0]).not.toHaveProperty("x-vendor");
  });

  it("is not stopped by an entry that it cannot take, and keeps it", async () => {
    const odd = [
      { ...named("blake"), digest: `blake3:${"ab".repeat(32)}` },
      { ...named("number"), annotations: { [OCI_NAME]: "My Image", n: 5 } },
      { ...named("no type"), mediaType: 7 },
      { ...named("no size"), size: -1 },
      "no entry at all",
    ];
    const store = await foreignLayout({ schemaVersion: 2, manifests: odd });
    await store.tag("redis:7", named("manifest"));
    expect((await store.list()).map(({ name }) => name)).toEqual(["My Image", REDIS]);
    expect((await store.roots()).map(({ digest }) => digest)).toEqual(
      ["number", "no type", "no size", "manifest"].map((name) => named(name).digest),
    );
    await store.untag("redis:7");
    expect((await indexJson()).manifests).toEqual(odd);
  });

  it.each(["MyTag", "V1.0", "My Image"])("finds and untags %s by exactly that name", async (name) => {
    const store = await foreignLayout({
      schemaVersion: 2,
      manifests: [{ ...named("theirs"), annotations: { [OCI_NAME]: name } }],
    });
    expect(await store.get(name)).toEqual({ name, target: named("theirs") });
    expect((await store.untag(name)).name).toBe(name);
    expect((await indexJson()).manifests).toEqual([]);
  });

  it("untags a name that is listed twice as often as it is listed", async () => {
    const entry = { ...named("theirs"), annotations: { [OCI_NAME]: REDIS } };
    const store = await foreignLayout({ schemaVersion: 2, manifests: [entry, entry] });
    await store.untag("redis:7");
    expect(await store.list()).toEqual([]);
  });

  it("writes through a symbolic link, with the permissions of the file that it leads to", async () => {
    const store = await LayoutImageStore.open(root);
    const real = join(root, "real.json");
    await writeFile(real, '{"schemaVersion":2,"manifests":[]}', { mode: 0o600 });
    await rm(join(root, "index.json"));
    await symlink("real.json", join(root, "index.json"));
    await store.tag("redis:7", named("manifest"));
    expect((await lstat(join(root, "index.json"))).isSymbolicLink()).toBe(true);
    expect((await stat(real)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(real, "utf8")).manifests).toHaveLength(1);
  });

  it("writes no more than it would read", async () => {
    const annotations = { filler: "x".repeat(64 * 1024 * 1024 - 200) };
    const store = await foreignLayout({ schemaVersion: 2, manifests: [], annotations });
    const before = await stat(join(root, "index.json"));
    const error = await store.tag("redis:7", named("manifest")).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: "ErrResourceExhausted" });
    expect((await stat(join(root, "index.json"))).mtimeMs).toBe(before.mtimeMs);
  });
});

async function usedRoot(): Promise<LayoutImageStore> {
  const store = await LayoutImageStore.open(root);
  await mkdir(join(root, "blobs/sha256"), { recursive: true });
  await writeFile(join(root, "blobs/sha256", "ab".repeat(32)), "content");
  await rm(join(root, "index.json"));
  return store;
}

describe("LayoutImageStore without its index.json", () => {
  it("says that the names are lost, and makes none anew beside content", async () => {
    const store = await usedRoot();
    for (const fail of [
      () => LayoutImageStore.open(root),
      () => store.list(),
      () => store.tag("redis:7", named("x")),
    ]) {
      const error = await Promise.resolve(fail()).catch((cause: unknown) => cause);
      expect(isDataLoss(error)).toBe(true);
      expect((error as Error).message).toContain("the file is missing");
    }
    await expect(stat(join(root, "index.json"))).rejects.toThrow("ENOENT");
  });

  it("goes on as soon as it is back", async () => {
    const store = await usedRoot();
    await writeFile(join(root, "index.json"), '{"schemaVersion":2,"manifests":[]}');
    await store.tag("redis:7", named("manifest"));
    expect(await store.list()).toHaveLength(1);
  });

  it("makes a content store a layout that never was one", async () => {
    await mkdir(join(root, "blobs/sha256"), { recursive: true });
    await writeFile(join(root, "blobs/sha256", "ab".repeat(32)), "content");
    const store = await LayoutImageStore.open(root);
    expect(await store.list()).toEqual([]);
  });
});

/** Names in the order in which they stand in the file. */
async function namesOnDisk(): Promise<readonly unknown[]> {
  const { manifests } = await indexJson();
  return manifests.map(({ annotations }) => (annotations as Record<string, string>)[OCI_NAME]);
}

describe("LayoutImageStore with changes that wait together", () => {
  const NAMES = Array.from({ length: 5 }, (_, number) => `docker.io/library/repo:v${number}`);

  /** A store with names, and its lock held by somebody else. */
  async function lockedStore(): Promise<{ store: LayoutImageStore; unlock: () => void }> {
    const store = await LayoutImageStore.open(root);
    for (const name of NAMES) await store.tag(name, named(name));
    const unlock = tryLockFile(join(root, "locks", "index"), "exclusive");
    return { store, unlock: () => unlock?.() };
  }

  it("writes them once, in the order of calling", async () => {
    const { store, unlock } = await lockedStore();
    const seen: Array<readonly unknown[]> = [];
    const beforehand = async (): Promise<void> => {
      seen.push(await namesOnDisk());
    };
    const changes = [
      ...NAMES.map((name) => store.untag(name, { beforehand })),
      store.tag("repo:v3", named("another")),
      store.tag("repo:v1", named("another")),
    ];
    unlock();
    await Promise.all(changes);
    expect(seen).toEqual(NAMES.map(() => NAMES));
    // Each tag looks at the file before it waits, so only their place after the removals is certain.
    expect(new Set(await namesOnDisk())).toEqual(new Set([NAMES[1], NAMES[3]]));
  });

  it("gives each its own result or error", async () => {
    const { store, unlock } = await lockedStore();
    const leaver = new AbortController();
    const outcomes = Promise.allSettled([
      store.untag("repo:v0"),
      store.untag("repo:missing"),
      store.untag("repo:v1", { beforehand: () => Promise.reject(new Error("not that one")) }),
      store.untag("repo:v2", { signal: leaver.signal }),
      store.untag("repo:v0"),
      store.tag("repo:v3", named("another")),
    ]);
    leaver.abort();
    unlock();
    expect(await outcomes).toEqual([
      { status: "fulfilled", value: { name: NAMES[0], target: named(NAMES[0] ?? "") } },
      { status: "rejected", reason: expect.objectContaining({ name: "ErrNotFound" }) },
      { status: "rejected", reason: expect.objectContaining({ message: "not that one" }) },
      { status: "rejected", reason: expect.objectContaining({ name: "ErrCanceled" }) },
      { status: "rejected", reason: expect.objectContaining({ name: "ErrNotFound" }) },
      { status: "fulfilled", value: named(NAMES[3] ?? "") },
    ]);
    expect(await namesOnDisk()).toEqual([NAMES[1], NAMES[2], NAMES[4], NAMES[3]]);
  });

  it("fails nobody but the one that asks for more than can be written", async () => {
    const { store, unlock } = await lockedStore();
    const annotations = { filler: "x".repeat(64 * 1024 * 1024) };
    const outcomes = Promise.allSettled([
      store.untag("repo:v0"),
      store.tag("repo:large", named("large", { annotations })),
      store.tag("repo:small", named("small")),
    ]);
    unlock();
    expect((await outcomes).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await namesOnDisk()).toEqual([...NAMES.slice(1), "docker.io/library/repo:small"]);
  });

  it("writes nothing when all fail", async () => {
    const { store, unlock } = await lockedStore();
    const before = await stat(join(root, "index.json"), { bigint: true });
    const outcomes = Promise.allSettled([store.untag("one"), store.untag("two")]);
    unlock();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect((await stat(join(root, "index.json"), { bigint: true })).ino).toBe(before.ino);
  });
});
