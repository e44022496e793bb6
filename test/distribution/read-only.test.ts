import { chmod, lstat, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { openLocalStore } from "../../src/content.ts";
import { VERBS, type Verb } from "../../src/distribution/api/verbs.ts";
import { ErrFailedPrecondition, ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import type { Descriptor } from "../../src/index.ts";
import type { TestRegistry } from "../../src/testing.ts";
import { mountSmallDisk } from "../content/support/small-disk.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { describeWithMounts } from "./support/describe-with-mounts.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";
import { rootSite } from "./support/root-site.ts";

const keep = closingAfterEach();
let registry: TestRegistry;
let parent: string;
let root: string;
let name: string;

beforeEach(async () => {
  ({ registry, parent, root, name } = await rootSite(keep));
});

async function writer(): Promise<Engine> {
  return keep(await openEngine({ root }));
}

async function reader(): Promise<Engine> {
  return keep(await openEngine({ root, readOnly: true }));
}

/** Everything below the root: what it is, how large, and when it was written. */
async function treeOf(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true });
  const lines = await Promise.all(
    names.toSorted().map(async (path) => {
      const { ino, size, mtimeMs } = await lstat(join(directory, path));
      const isShared = path.endsWith("-shm"); // memory of all who look into the database
      return `${path} ${ino} ${size} ${isShared ? "" : mtimeMs}`;
    }),
  );
  return lines;
}

async function all(iterable: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of iterable);
}

/** One call of each verb, on what is there: a verb that is missing does not compile. */
function callsOf(engine: Engine): Readonly<Record<Verb, () => Promise<unknown>>> {
  const target = async (): Promise<Descriptor> => (await engine.images.get(name)).target;
  let number = 0;
  const path = (): string => join(parent, `out-${number++}`);
  return {
    assemble: () => engine.assemble(name, path()),
    check: () => engine.check(),
    copy: () => engine.copy(name, `${registry.host}/copied:v1`),
    delete: () => engine.delete(`${registry.host}/copied:v1`),
    diskUsage: () => engine.diskUsage(),
    export: () => engine.export(name, path()),
    extract: () => engine.extract(name, path()),
    fetchArtifact: () => engine.fetchArtifact(`${registry.host}/files:v1`, path()),
    fetchTo: async () => engine.fetchTo(name, await target(), path()),
    import: () => engine.import(path()),
    inspect: () => engine.inspect(name),
    list: () => all(engine.list(name)),
    openBlob: async () => all(engine.openBlob(name, await target())),
    plan: () => engine.plan(name),
    prune: () => engine.prune(),
    pull: () => engine.pull(name),
    push: () => engine.push(name, { target: `${registry.host}/pushed:v1` }),
    pushArtifact: async () => {
      const file = path();
      await writeFile(file, "a file");
      const artifact = { artifactType: "application/vnd.example.report", files: [{ path: file }] };
      return engine.pushArtifact(`${registry.host}/files:v1`, artifact);
    },
    referrers: async () => engine.referrers(`${registry.host}/app@${(await target()).digest}`),
    remove: () => engine.remove(name),
    resolve: () => engine.resolve(name),
    sizeOf: async () => engine.sizeOf(await target()),
    tag: () => engine.tag(name, "other:v1"),
    tags: () => engine.tags(`${registry.host}/app`),
    unpack: () => engine.unpack(name),
    withLease: () => engine.withLease(async () => {}),
  };
}

/** In an order in which each finds what it needs. */
const ORDER = ["copy", "pushArtifact", ...Object.keys(VERBS)] as readonly Verb[];

describe("a data root that is opened for reading only", () => {
  it("does every verb that reads, refuses every one that writes at once, and stays as it is", async () => {
    const owner = await writer();
    await owner.pull(name);
    const engine = await reader();
    const before = await treeOf(root);
    const calls = callsOf(engine);
    expect(new Set(Object.keys(calls))).toEqual(new Set(Object.keys(VERBS)));
    const requests = registry.requests.length;
    for (const verb of ORDER.filter((one) => VERBS[one] === "writes")) {
      const failure = await failureOf(calls[verb]());
      expect(failure, verb).toBeInstanceOf(ErrFailedPrecondition);
      expect(failure.message).toBe(`${verb}: the data root was opened for reading only`);
    }
    expect(registry.requests).toHaveLength(requests);
    for (const verb of ORDER.filter((one) => VERBS[one] === "reads")) await calls[verb]();
    expect(await treeOf(root)).toEqual(before);
  });

  it("gives names and content to read, and refuses to change them", async () => {
    const owner = await writer();
    await owner.pull(name);
    const engine = await reader();
    const { target } = await engine.images.get(name);
    expect(await engine.images.list()).toEqual(await owner.images.list());
    expect(await engine.images.identify()).toEqual(await owner.images.identify());
    expect((await engine.images.find("app:v1".replace("app", `${registry.host}/app`))).target).toEqual(
      target,
    );
    expect(await engine.content.info(target.digest)).toEqual(await owner.content.info(target.digest));
    const before = await treeOf(root);
    const info = await engine.content.info(target.digest);
    for (const change of [
      () => engine.images.tag("other:v1", target),
      () => engine.images.untag(name),
      () => engine.content.writer({ ref: "own" }),
      () => engine.content.update(info, ["labels.a"]),
      () => engine.content.delete(target.digest),
      () => engine.content.abort("own"),
    ]) {
      expect(await failureOf(change())).toBeInstanceOf(ErrFailedPrecondition);
    }
    expect(await treeOf(root)).toEqual(before);
  });

  it("sees what others do there, and keeps nobody from removing what it reads", async () => {
    const owner = await writer();
    const engine = await reader();
    expect(await engine.images.list()).toEqual([]);
    await owner.pull(name);
    const { target } = await engine.images.get(name);
    const reading = engine.openBlob(name, target)[Symbol.asyncIterator]();
    await reading.next();
    const { deleted } = await owner.remove(name);
    expect(deleted).toContain(target.digest);
    expect(await engine.images.list()).toEqual([]);
    await reading.return?.();
  });

  it("is read after its writer has gone, without a file beside its database", async () => {
    await using owner = await openEngine({ root });
    await owner.pull(name);
    const { target } = await owner.images.get(name);
    const labels = await owner.content.info(target.digest);
    await owner.close();
    const before = await treeOf(root);
    const engine = await reader();
    expect(await engine.content.info(target.digest)).toEqual(labels);
    await engine.diskUsage();
    await engine.close();
    expect(await treeOf(root)).toEqual(before);
  });

  it("is not made: a root that is not there is ErrNotFound", async () => {
    for (const path of [root, parent]) {
      const failure = await failureOf(openEngine({ root: path, readOnly: true }));
      expect(failure).toBeInstanceOf(ErrNotFound);
    }
    expect(await readdir(parent)).toEqual([]);
  });

  it.each([
    ["layers", { layers: true }],
    ["images", { images: {} as never }],
  ])("is not opened together with %s", async (option, options) => {
    const failure = await failureOf(openEngine({ root, readOnly: true, ...options }));
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(failure.message).toContain(option);
  });

  it("remembers an endpoint that is down in the process only", async () => {
    await (await writer()).pull(name);
    const before = await treeOf(root);
    const mirrors = { [registry.host]: ["http://127.0.0.1:1"] };
    const engine = keep(await openEngine({ root, readOnly: true, registry: { mirrors } }));
    await engine.resolve(name);
    await engine.resolve(name);
    expect(await treeOf(root)).toEqual(before);
  });
});

describe("openLocalStore() for reading only", () => {
  it("refuses to be made, and to be written", async () => {
    const missing = openLocalStore({ root: join(parent, "store"), readOnly: true });
    expect(await failureOf(missing)).toBeInstanceOf(ErrNotFound);
    await using made = await openLocalStore({ root: join(parent, "store") });
    await using store = await openLocalStore({ root: join(parent, "store"), readOnly: true });
    expect(await failureOf(store.writer({ ref: "own" }))).toBeInstanceOf(ErrFailedPrecondition);
    expect(await failureOf(store.sweepIngests({ isOld: () => true }))).toBeInstanceOf(ErrFailedPrecondition);
    expect(await made.listStatuses()).toEqual([]);
  });
});

/** A user without any right of his own: nobody. */
const NOBODY = 65_534;

describe.skipIf(process.getuid?.() !== 0)("a data root that only others may write", () => {
  it("is read all the same", async () => {
    const owner = keep(await openEngine({ root, mode: 0o755 }));
    await owner.pull(name);
    await chmod(parent, 0o755);
    const before = await treeOf(root);
    process.seteuid?.(NOBODY);
    try {
      await using engine = await openEngine({ root, readOnly: true });
      await engine.inspect(name, { from: "local" });
      await engine.export(name, new PassThrough().resume());
      await engine.diskUsage();
    } finally {
      process.seteuid?.(0);
    }
    expect(await treeOf(root)).toEqual(before);
  });
});

describeWithMounts("a data root on a disk that cannot be written", () => {
  it("is read", async () => {
    const disk = await mountSmallDisk(16 * 1024);
    const own = join(disk.path, "data");
    try {
      const owner = await openEngine({ root: own });
      await owner.pull(name);
      await owner.close();
      await disk.makeReadOnly();
      const engine = await openEngine({ root: own, readOnly: true });
      const { target } = await engine.images.get(name);
      expect((await engine.inspect(name, { from: "local" })).target.digest).toBe(target.digest);
      expect(Object.keys((await engine.content.info(target.digest)).labels)).not.toEqual([]);
      expect(await failureOf(engine.remove(name))).toBeInstanceOf(ErrFailedPrecondition);
      await engine.close();
    } finally {
      await disk.dispose();
    }
  });
});
