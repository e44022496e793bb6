import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  ErrAlreadyExists,
  ErrCanceled,
  ErrDataLoss,
  ErrInvalidArgument,
  ErrNotFound,
  ErrPermissionDenied,
  ErrResourceExhausted,
  isInvalidArgument,
  isNotFound,
} from "../../../src/errors.ts";
import type { Descriptor, ImageToVerify } from "../../../src/index.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { mountSmallDisk } from "../../content/support/small-disk.ts";
import { anyTitle } from "../../oci/titles.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { propertyRuns } from "../../support/property-runs.ts";
import { describeWithMounts } from "../support/describe-with-mounts.ts";
import { type Engine, failureOf, openEngine } from "../support/engine.ts";
import { APP } from "../support/profile-site.ts";
import { putArtifact, putDirectory, putFile } from "../support/put-artifact.ts";
import { until } from "../support/until.ts";

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;
let top: string;
let directory: string;
const at = (...names: string[]): string => join(directory, ...names);
const name = (tag = "v1"): string => `${registry.host}/${APP}:${tag}`;
const file = (title: string | undefined, content: string | Uint8Array): Promise<Descriptor> =>
  putFile(registry, APP, { ...(title !== undefined && { title }), content });
const dir = (title: string, entries: Parameters<typeof putDirectory>[2]["entries"]): Promise<Descriptor> =>
  putDirectory(registry, APP, { title, entries });
const place = { repository: APP, tag: "v1" };
const blobRequests = () => registry.requests.filter(({ kind }) => kind === "blob");

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
  top = await mkdtemp(join(tmpdir(), "drayage-artifact-"));
  directory = join(top, "into");
  keep({ [Symbol.asyncDispose]: () => rm(top, { recursive: true, force: true }) });
});

describe("fetchArtifact()", () => {
  it("makes files under their titles, and keeps nothing in the data root", async () => {
    const layers = [
      await file("a.txt", "one"),
      await file("sub/b.txt", "two"),
      await file(undefined, "none"),
    ];
    const target = await putArtifact(registry, place, layers, { annotations: { of: "me" } });
    const fetched = await engine.fetchArtifact(name(), directory);
    expect(await readFile(at("a.txt"), "utf8")).toBe("one");
    expect(await readFile(at("sub", "b.txt"), "utf8")).toBe("two");
    expect((await readdir(directory, { recursive: true })).toSorted()).toEqual(["a.txt", "sub", "sub/b.txt"]);
    expect(fetched).toMatchObject({
      reference: name(),
      manifest: { digest: target.digest },
      artifactType: "application/vnd.example.thing",
      annotations: { of: "me" },
      files: [
        { title: "a.txt", path: at("a.txt"), size: 3, isDirectory: false, endpoint: registry.url },
        { title: "sub/b.txt", path: at("sub", "b.txt"), mediaType: "text/plain", endpoint: registry.url },
      ],
      untitled: [{ digest: layers[2]?.digest }],
      missing: [],
      passedOver: [],
    });
    expect(await readdir(join(engine.root, "blobs", "sha256")).catch(() => [])).toEqual([]);
  });

  it("replaces files that are others, and asks for none that is right", async () => {
    await putArtifact(registry, place, [await file("a", "one"), await file("b", "two")]);
    await mkdir(directory);
    await writeFile(at("a"), "one");
    await writeFile(at("b"), "before");
    await engine.fetchArtifact(name(), directory);
    expect(await readFile(at("b"), "utf8")).toBe("two");
    expect(blobRequests()).toHaveLength(1);
  });

  it("makes only the files that are asked for", async () => {
    await putArtifact(registry, place, [
      await file("a", "1"),
      await file("d/b", "2"),
      await file("d/c", "3"),
    ]);
    await engine.fetchArtifact(name(), directory, { titles: ["d"] });
    expect(await readdir(directory)).toEqual(["d"]);
    expect(await failureOf(engine.fetchArtifact(name(), directory, { titles: ["d", "x"] }))).toBeInstanceOf(
      ErrNotFound,
    );
  });

  it("comes through resets, and goes on in the next call where one ended", async () => {
    const large = { ...(await registry.putGeneratedBlob(APP, { size: 3_000_000, seed: "file" })) };
    const titled = { ...large, annotations: { "org.opencontainers.image.title": "large" } };
    await putArtifact(registry, place, [titled]);
    registry.fault({ kind: "blob", method: "GET", times: 10 }, { reset: true, afterBytes: 200_000 });
    await engine.fetchArtifact(name(), directory);
    expect((await lstat(at("large"))).size).toBe(3_000_000);
    expect(blobRequests()).toHaveLength(11);
    await rm(at("large"));
    registry.fault({ kind: "blob" }, { status: 404, afterBytes: 0 });
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrNotFound);
    await engine.fetchArtifact(name(), directory);
    expect(await readdir(directory)).toEqual(["large"]);
  });

  it("gives a name of any length that a directory takes", async () => {
    const titles = ["n".repeat(255), "ä".repeat(127)];
    await putArtifact(registry, place, [await file(titles[0], "1"), await file(titles[1], "2")]);
    await engine.fetchArtifact(name(), directory);
    expect((await readdir(directory)).toSorted()).toEqual(titles.toSorted());
    await rm(directory, { recursive: true });
    await engine.pull(name());
    await engine.fetchArtifact(name(), directory);
    expect((await readdir(directory)).toSorted()).toEqual(titles.toSorted());
  });

  it("takes what is here without asking anybody", async () => {
    const d = await putDirectory(registry, APP, {
      title: "d",
      entries: [
        { name: "d", flag: "5", mode: 0o755 },
        { name: "d/f", content: "in" },
      ],
    });
    await putArtifact(registry, place, [await file("a", "one"), d]);
    await engine.pull(name());
    const before = registry.requests.length;
    const { files } = await engine.fetchArtifact(name(), directory);
    expect(files.map(({ endpoint }) => endpoint)).toEqual([undefined, undefined]);
    expect(await readFile(at("a"), "utf8")).toBe("one");
    expect(await readFile(at("d", "f"), "utf8")).toBe("in");
    const extracted = await engine.extract(name(), at("other"));
    expect(extracted).toMatchObject({ name: name(), entries: 2, missing: [] });
    expect(await readFile(at("other", "a"), "utf8")).toBe("one");
    expect(registry.requests).toHaveLength(before);
    expect(await failureOf(engine.extract(name(), at("other")))).toBeInstanceOf(ErrAlreadyExists);
    expect(await failureOf(engine.fetchArtifact(name("v2"), directory, { from: "local" }))).toBeInstanceOf(
      ErrNotFound,
    );
  });

  it("refuses what has no files in it", async () => {
    await buildImage(registry, APP, { tag: "v1", layers: [1_000] });
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrInvalidArgument);
    expect(await readdir(top)).toEqual([]);
  });

  it("asks the hooks of the engine and of the call whether it may come", async () => {
    await putArtifact(registry, place, [await file("a", "one")]);
    const asked: ImageToVerify[] = [];
    const strict = keep(await openEngine({ verify: (image) => void asked.push(image) }));
    const refused = await failureOf(strict.fetchArtifact(name(), directory, { verify: () => false }));
    expect(refused).toBeInstanceOf(ErrPermissionDenied);
    expect(blobRequests()).toEqual([]);
    expect(asked).toMatchObject([
      { purpose: "fetch", reference: name(), endpoint: registry.url, manifests: [{ kind: "artifact" }] },
    ]);
    await strict.fetchArtifact(name(), directory);
    expect(await readdir(directory)).toEqual(["a"]);
  });

  it("leaves no file under its name whose bytes were wrong", async () => {
    await putArtifact(registry, place, [await file("a", "one")]);
    registry.fault({ kind: "blob", times: Number.POSITIVE_INFINITY }, { corrupt: { offset: 1 } });
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrDataLoss);
    expect(await readdir(directory)).not.toContain("a");
  });

  it("ends all files when it is aborted, and leaves nothing but what can be gone on with", async () => {
    const aborting = new AbortController();
    const d = await dir("d", [{ name: "d/f", content: Buffer.alloc(100_000, "d") }]);
    await putArtifact(registry, place, [await file("a", "x".repeat(100_000)), d]);
    registry.fault({ kind: "blob", method: "GET", times: 2 }, { stall: true, afterBytes: 20 });
    const failed = failureOf(engine.fetchArtifact(name(), directory, { signal: aborting.signal }));
    await until(() => blobRequests().length === 2);
    aborting.abort();
    expect(await failed).toBeInstanceOf(ErrCanceled);
    expect((await readdir(directory)).filter((one) => !one.endsWith(".partial"))).toEqual([]);
  });

  it("makes what two calls want at the same time, each directory for one of them", async () => {
    const d = await dir("d", [{ name: "d/f", content: "in" }]);
    await putArtifact(registry, place, [await file("a", "x".repeat(100_000)), await file("b", "y")]);
    await putArtifact(registry, { ...place, tag: "v2" }, [d]);
    const other = keep(await openEngine());
    await Promise.all([engine, other].map((one) => one.fetchArtifact(name(), directory)));
    expect((await readdir(directory)).toSorted()).toEqual(["a", "b"]);
    const results = await Promise.allSettled(
      [engine, other].map((one) => one.fetchArtifact(name("v2"), directory)),
    );
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(failures).toEqual([expect.any(ErrAlreadyExists)]);
    expect(await readdir(at("d"))).toEqual(["f"]);
    expect((await readdir(directory)).toSorted()).toEqual(["a", "b", "d"]);
  });
});

describe("directories of artifacts", () => {
  it("are made of their archives", async () => {
    await putArtifact(registry, place, [
      await dir("d/e", [
        { name: "d/e", flag: "5", mode: 0o755 },
        { name: "d/e/f", content: "in", mode: 0o755 },
        { name: "d/e/l", flag: "2", linkName: "./f" },
        { name: "d/e/h", flag: "1", linkName: "d/e/f" },
      ]),
      await file("d/x", "beside"),
    ]);
    const { files } = await engine.fetchArtifact(name(), directory);
    expect(await readFile(at("d", "e", "h"), "utf8")).toBe("in");
    expect((await lstat(at("d", "e", "f"))).mode & 0o777).toBe(0o755);
    expect(await readlink(at("d", "e", "l"))).toBe("./f");
    expect(await readdir(directory)).toEqual(["d"]);
    expect(files).toMatchObject([{ title: "d/e", path: at("d", "e"), isDirectory: true }, { title: "d/x" }]);
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrAlreadyExists);
  });

  it("may be the directory itself", async () => {
    await putArtifact(registry, place, [
      await dir(".", [
        { name: ".", flag: "5", mode: 0o755 },
        { name: "./f", content: "in" },
      ]),
    ]);
    await engine.fetchArtifact(name(), directory);
    expect(await readdir(directory)).toEqual(["f"]);
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrAlreadyExists);
  });

  it.each<[string, Parameters<typeof putDirectory>[2]["entries"]]>([
    ["leads up", [{ name: "d/../../evil", content: "x" }]],
    [
      "is beside its title",
      [
        { name: "d", flag: "5" },
        { name: "evil", content: "x" },
      ],
    ],
    ["is absolute", [{ name: "/evil", content: "x" }]],
    ["is a link at its title", [{ name: "d", flag: "2", linkName: "/etc" }]],
    ["is a file at its title", [{ name: "d", content: "x" }]],
    ["links to the outside", [{ name: "d/l", flag: "2", linkName: "../../x" }]],
    [
      "links to the outside by a detour",
      [
        { name: "d/a/b/top", flag: "2", linkName: "../.." },
        { name: "d/out", flag: "2", linkName: "a/b/top/.." },
      ],
    ],
    ["links to what is above it by its own name", [{ name: "d/l", flag: "2", linkName: "../d" }]],
    ["links to the root", [{ name: "d/l", flag: "2", linkName: "/etc/passwd" }]],
    [
      "goes through a link",
      [
        { name: "d/l", flag: "2", linkName: "/tmp" },
        { name: "d/l/evil", content: "x" },
      ],
    ],
    ["is a pipe", [{ name: "d/p", flag: "6" }]],
    ["runs as somebody else", [{ name: "d/s", content: "x", mode: 0o4755 }]],
    ["hides something", [{ name: "d/.wh.x", content: "" }]],
    ["is nothing", []],
  ])("are refused when an entry %s", async (_, entries) => {
    await putArtifact(registry, place, [await dir("d", entries)]);
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrInvalidArgument);
    expect(await readdir(directory)).toEqual([]);
    expect(await readdir(top)).toEqual(["into"]);
  });

  it("are refused when the archive is another one than was promised", async () => {
    const d = await dir("d", [{ name: "d/f", content: "in" }]);
    const digest = (await dir("d", [{ name: "d/f", content: "out" }])).annotations;
    await putArtifact(registry, place, [{ ...d, annotations: { ...digest } }]);
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrDataLoss);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("hostile titles", () => {
  it("lead through no link that is there", async () => {
    await putArtifact(registry, place, [await file("link/evil", "x")]);
    await putArtifact(registry, { ...place, tag: "v2" }, [await file("link", "x")]);
    await mkdir(directory);
    await symlink("..", at("link"));
    await writeFile(join(top, "mine"), "x");
    await symlink("../mine", at("file"));
    await putArtifact(registry, { ...place, tag: "v3" }, [await file("file", "x")]);
    for (const tag of ["v1", "v2", "v3"])
      expect(await failureOf(engine.fetchArtifact(name(tag), directory))).toBeInstanceOf(ErrInvalidArgument);
    expect((await readdir(top)).toSorted()).toEqual(["into", "mine"]);
    expect(blobRequests()).toEqual([]);
  });

  it("of two files with one name are refused before anything comes", async () => {
    await putArtifact(registry, place, [await file("a", "1"), await file("A", "2")]);
    expect(await failureOf(engine.fetchArtifact(name(), directory))).toBeInstanceOf(ErrInvalidArgument);
    expect(blobRequests()).toEqual([]);
    await engine.fetchArtifact(name(), directory, { titles: ["A"] });
    expect(await readFile(at("A"), "utf8")).toBe("2");
  });

  it("make nothing outside of the directory, in artifacts of 100 files and alone", {
    timeout: 60_000,
  }, async () => {
    const content = await file(undefined, "evil");
    await mkdir(directory);
    await symlink("..", at("link"));
    await writeFile(join(top, "file"), "mine");
    const layer = (title: string): Descriptor => ({
      ...content,
      annotations: { "org.opencontainers.image.title": title },
    });
    const titles = fc.oneof(
      fc.array(anyTitle, { minLength: 100, maxLength: 100 }),
      fc.array(anyTitle, { minLength: 1, maxLength: 2 }),
    );
    await fc.assert(
      fc.asyncProperty(titles, async (some) => {
        const wellFormed = some.map((title) => title.toWellFormed()); // JSON cannot carry others as they are
        await putArtifact(registry, place, wellFormed.map(layer));
        await engine.fetchArtifact(name(), directory).catch((error: unknown) => {
          if (!isInvalidArgument(error) && !isNotFound(error)) throw error;
        });
        expect((await readdir(top)).toSorted()).toEqual(["file", "into"]);
        expect(await readFile(join(top, "file"), "utf8")).toBe("mine");
      }),
      { numRuns: propertyRuns(150) },
    );
  });
});

describeWithMounts("fetchArtifact() onto a full disk", () => {
  it("leaves no half file or directory under its name", async () => {
    const disk = await mountSmallDisk(512);
    keep({ [Symbol.asyncDispose]: () => disk.dispose() });
    const large = await registry.putGeneratedBlob(APP, { size: 2_000_000, seed: "file" });
    const titled = { ...large, annotations: { "org.opencontainers.image.title": "large" } };
    await putArtifact(registry, place, [titled]);
    const d = await putDirectory(registry, APP, {
      title: "d",
      entries: [{ name: "d/f", content: new Uint8Array(2_000_000) }],
    });
    await putArtifact(registry, { ...place, tag: "v2" }, [d]);
    const into = join(disk.path, "into");
    for (const tag of ["v1", "v2"])
      expect(await failureOf(engine.fetchArtifact(name(tag), into))).toBeInstanceOf(ErrResourceExhausted);
    expect((await readdir(into)).filter((one) => !one.endsWith(".partial"))).toEqual([]);
  });
});
