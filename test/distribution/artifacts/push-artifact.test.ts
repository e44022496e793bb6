import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import {
  ErrCanceled,
  ErrFailedPrecondition,
  ErrInvalidArgument,
  ErrNotFound,
  ErrOutOfRange,
} from "../../../src/errors.ts";
import type { ArtifactToPush, Descriptor, ProgressSink } from "../../../src/index.ts";
import { buildImage, TestRegistry } from "../../../src/testing.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { EMPTY, OCI } from "../support/documents.ts";
import { type Engine, failureOf, openEngine } from "../support/engine.ts";
import { APP } from "../support/profile-site.ts";

const TYPE = "application/vnd.example.thing";
const TITLE = "org.opencontainers.image.title";

const keep = closingAfterEach();
let registry: TestRegistry;
let engine: Engine;
let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const name = (tag = "v1", host = registry.host): string => `${host}/${APP}:${tag}`;
const pinned = (digest: string): string => `${registry.host}/${APP}@${digest}`;
const manifestOf = (reference: string, of = registry) => {
  const held = of.manifest(APP, reference);
  return JSON.parse(Buffer.from(held?.bytes ?? "null").toString());
};
const blobRequests = (of = registry) =>
  of.requests.filter(({ kind }) => kind === "blob" || kind === "upload");

async function file(path: string, content: string | Uint8Array = `content of ${path}`): Promise<string> {
  await writeFile(at(path), content);
  return at(path);
}

beforeEach(async () => {
  registry = keep(await TestRegistry.start());
  engine = keep(await openEngine());
  folder = await mkdtemp(join(tmpdir(), "drayage-push-artifact-"));
  keep({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
});

/** Lets something happen when the file was hashed, and before it is sent. */
async function pushWhile(change: () => void): Promise<Error> {
  let isChanged = false;
  const onProgress: ProgressSink = (step) => {
    if (step.kind !== "update" || isChanged) return;
    isChanged = true;
    change();
  };
  const artifact = { files: [{ path: at("a") }], artifactType: TYPE };
  return await failureOf(engine.pushArtifact(name(), artifact, { onProgress }));
}

describe("pushArtifact()", () => {
  it("puts a manifest of the files, which fetchArtifact makes again", async () => {
    const files = [
      { path: await file("a.txt", "one"), mediaType: "text/plain", annotations: { of: "me" } },
      { path: await file("b", ""), title: "sub/b" },
    ];
    const pushed = await engine.pushArtifact(name(), {
      files,
      artifactType: TYPE,
      annotations: { note: "x" },
    });
    expect(manifestOf("v1")).toEqual({
      schemaVersion: 2,
      mediaType: OCI.manifest,
      artifactType: TYPE,
      config: { ...EMPTY, data: "e30=" },
      layers: [
        {
          mediaType: "text/plain",
          digest: digestOf("one"),
          size: 3,
          annotations: { of: "me", [TITLE]: "a.txt" },
        },
        {
          mediaType: "application/octet-stream",
          digest: digestOf(""),
          size: 0,
          annotations: { [TITLE]: "sub/b" },
        },
      ],
      annotations: { note: "x" },
    });
    expect(pushed).toMatchObject({
      name: name(),
      target: { digest: registry.manifest(APP, "v1")?.digest, mediaType: OCI.manifest },
      files: [{ digest: digestOf("one") }, { size: 0 }],
      subject: undefined,
      endpoint: registry.url,
      passedOver: [],
    });
    expect(pushed.taken.map(({ how }) => how)).toEqual(Array.from({ length: 4 }, () => "uploaded"));
    expect(await readdir(join(engine.root, "blobs", "sha256")).catch(() => [])).toEqual([]);
    await engine.fetchArtifact(name(), at("into"));
    expect(await readFile(at("into", "a.txt"), "utf8")).toBe("one");
    expect(await readFile(at("into", "sub", "b"), "utf8")).toBe("");
    expect(await engine.inspect(name())).toMatchObject({ kind: "artifact", artifactType: TYPE });
  });

  it("makes the same of the same files, and sends nothing that is there", async () => {
    const files = [{ path: await file("a.txt") }];
    const first = await engine.pushArtifact(name(), { files, artifactType: TYPE });
    const second = await engine.pushArtifact(name("v2"), { files, artifactType: TYPE });
    expect(second.target.digest).toBe(first.target.digest);
    expect(second.taken.map(({ digest }) => digest)).toEqual([first.target.digest]); // its other tag
  });

  it("takes a config of a type of its own in place of the artifact type", async () => {
    const config = {
      path: await file("config.json", "{}\n"),
      mediaType: "application/vnd.example.config+json",
    };
    await engine.pushArtifact(name(), { config });
    expect(manifestOf("v1")).toEqual({
      schemaVersion: 2,
      mediaType: OCI.manifest,
      config: { mediaType: config.mediaType, digest: digestOf("{}\n"), size: 3 },
      layers: [{ ...EMPTY, data: "e30=" }],
    });
  });

  it("tells what happened as a push does", async () => {
    const events: unknown[] = [];
    engine.events.on("push", (event) => events.push(event));
    const lines: string[] = [];
    const { target } = await engine.pushArtifact(
      name(),
      { files: [{ path: await file("a") }], artifactType: TYPE },
      { onProgress: (step) => void (step.kind === "update" && lines.push(step.action)) },
    );
    expect(events).toMatchObject([{ name: name(), digest: target.digest, cause: "push" }]);
    expect(lines).toContain("Pushed");
  });

  it("sends a large file on where an upload broke", async () => {
    const files = [{ path: await file("large", Buffer.alloc(3_000_000, "large")) }];
    registry.fault({ kind: "upload", method: "PATCH" }, { reset: true, afterBytes: 1_000_000 });
    registry.fault({ kind: "upload", method: "PUT" }, { status: 503 });
    await engine.pushArtifact(name(), { files, artifactType: TYPE });
    await engine.fetchArtifact(name(), at("into"));
    expect((await readFile(at("into", "large"))).equals(Buffer.alloc(3_000_000, "large"))).toBe(true);
  });

  it("gives equal artifacts of two engines at the same time one content", async () => {
    const other = keep(await openEngine());
    const files = [{ path: await file("a", Buffer.alloc(500_000, "a")) }, { path: await file("b") }];
    const results = await Promise.all(
      [engine, other, engine].map((one) => one.pushArtifact(name(), { files, artifactType: TYPE })),
    );
    expect(new Set(results.map(({ target }) => target.digest)).size).toBe(1);
    await engine.fetchArtifact(name(), at("into"));
  });

  it("names nothing when it is aborted, and the next one goes through", async () => {
    const artifact = { files: [{ path: await file("a", Buffer.alloc(500_000, "a")) }], artifactType: TYPE };
    const aborting = new AbortController();
    const onProgress: ProgressSink = ({ kind }) => kind === "update" && aborting.abort();
    const options = { signal: aborting.signal, onProgress };
    expect(await failureOf(engine.pushArtifact(name(), artifact, options))).toBeInstanceOf(ErrCanceled);
    expect(registry.tags(APP)).toEqual([]);
    await engine.pushArtifact(name(), artifact);
    expect(registry.tags(APP)).toEqual(["v1"]);
  });

  it("goes to the registry, and to no mirror", async () => {
    const mirror = keep(await TestRegistry.start());
    const mirrored = keep(await openEngine({ registry: { mirrors: { [registry.host]: [mirror.url] } } }));
    const files = [{ path: await file("a") }];
    const { target } = await mirrored.pushArtifact(name(), { files, artifactType: TYPE });
    const subject = `${registry.host}/${APP}:v1`;
    await mirrored.pushArtifact(name("v2"), { files, artifactType: TYPE, subject });
    expect(manifestOf("v2").subject.digest).toBe(target.digest);
    expect(mirror.requests).toEqual([]);
  });
});

describe("pushArtifact() with a subject", () => {
  it.each([true, false])("lists it, where the registry keeps referrers: %s", async (referrers) => {
    const target = keep(await TestRegistry.start({ referrers }));
    const image = await buildImage(target, APP, { tag: "image", layers: [1_000] });
    const { mediaType, digest, size } = image.descriptor;
    const files = [{ path: await file("sbom.json") }];
    const subjects = [{ mediaType, digest, size }, digest, name("image", target.host)];
    for (const [at, subject] of subjects.entries()) {
      const artifact = { files, artifactType: TYPE, subject, annotations: { at: String(at) } };
      const pushed = await engine.pushArtifact(`${target.host}/${APP}`, artifact);
      expect(pushed.subject).toEqual({ mediaType, digest, size });
      expect(pushed.name).toBe(`${target.host}/${APP}@${pushed.target.digest}`);
      expect(manifestOf(pushed.target.digest, target).subject).toEqual({ mediaType, digest, size });
    }
    const listed = await engine.referrers(name("image", target.host));
    expect(listed.map(({ annotations }) => annotations?.["at"])).toEqual(
      expect.arrayContaining(["0", "1", "2"]),
    );
    expect(listed).toHaveLength(3);
    expect(listed.every(({ artifactType }) => artifactType === TYPE)).toBe(true);
    expect(target.tags(APP)).toContain("image");
    expect(target.tags(APP)).not.toContain("latest");
  });

  it("sends nothing about what is not there", async () => {
    const artifact = { files: [{ path: await file("a") }], artifactType: TYPE, subject: name("none") };
    expect(await failureOf(engine.pushArtifact(name(), artifact))).toBeInstanceOf(ErrNotFound);
    expect(blobRequests()).toEqual([]);
  });
});

describe("pushArtifact() of what cannot be", () => {
  const refusals: [string, () => ArtifactToPush | Promise<ArtifactToPush>, new () => Error][] = [
    ["nothing that tells what it is", () => ({}), ErrInvalidArgument as never],
    [
      "an empty config of no type",
      async () => ({ config: { path: await file("c", "{}"), mediaType: OCI.empty } }),
      ErrInvalidArgument as never,
    ],
    ["an odd type", () => ({ artifactType: "thing" }), ErrInvalidArgument as never],
    [
      "an odd media type",
      async () => ({ artifactType: TYPE, files: [{ path: await file("a"), mediaType: "text" }] }),
      ErrInvalidArgument as never,
    ],
    [
      "a title that leads out",
      async () => ({ artifactType: TYPE, files: [{ path: await file("a"), title: "../a" }] }),
      ErrInvalidArgument as never,
    ],
    [
      "two files of one title",
      async () => ({ artifactType: TYPE, files: [{ path: await file("a") }, { path: at("a") }] }),
      ErrInvalidArgument as never,
    ],
    [
      "a title among the annotations",
      async () => ({ artifactType: TYPE, files: [{ path: await file("a"), annotations: { [TITLE]: "b" } }] }),
      ErrInvalidArgument as never,
    ],
    [
      "a file that is not there",
      () => ({ artifactType: TYPE, files: [{ path: at("none") }] }),
      ErrNotFound as never,
    ],
    [
      "a directory",
      () => ({ artifactType: TYPE, files: [{ path: folder, title: "x" }] }),
      ErrInvalidArgument as never,
    ],
    [
      "a subject elsewhere",
      () => ({ artifactType: TYPE, subject: `${registry.host}/other:v1` }),
      ErrInvalidArgument as never,
    ],
    [
      "too many files",
      () => ({
        artifactType: TYPE,
        files: Array.from({ length: 4_096 }, (_, number) => ({ path: at("a"), title: `${number}` })),
      }),
      ErrOutOfRange as never,
    ],
    [
      "too much in annotations",
      () => ({ artifactType: TYPE, annotations: { much: "x".repeat(5_000_000) } }),
      ErrOutOfRange as never,
    ],
  ];
  it.each(refusals)("refuses %s", async (_, artifact, kind) => {
    expect(await failureOf(engine.pushArtifact(name(), await artifact()))).toBeInstanceOf(kind);
    expect(registry.requests.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
  });

  it("refuses another digest than that of the artifact", async () => {
    const files = [{ path: await file("a") }];
    const artifact = { files, artifactType: TYPE };
    const { target } = await engine.pushArtifact(name(), artifact);
    expect((await engine.pushArtifact(pinned(target.digest), artifact)).name).toBe(pinned(target.digest));
    expect(await failureOf(engine.pushArtifact(pinned(digestOf("x")), artifact))).toBeInstanceOf(
      ErrInvalidArgument,
    );
  });
});

describe("pushArtifact() of a file that changes", () => {
  it("is refused when it has other bytes", async () => {
    await file("a", "one");
    const failure = await pushWhile(() => writeFileSync(at("a"), "two"));
    expect(failure).toBeInstanceOf(ErrFailedPrecondition);
    expect(failure.message).toContain(at("a"));
    expect(registry.tags(APP)).toEqual([]);
  });

  it("is refused when it has grown, is another one, or is gone", async () => {
    await file("a", "one");
    expect(await pushWhile(() => writeFileSync(at("a"), "more"))).toBeInstanceOf(ErrFailedPrecondition);
    await file("b", "more");
    expect(await pushWhile(() => renameSync(at("b"), at("a")))).toBeInstanceOf(ErrFailedPrecondition);
    expect(await pushWhile(() => rmSync(at("a")))).toBeInstanceOf(ErrNotFound);
    expect(registry.tags(APP)).toEqual([]);
  });

  it("names nothing even when nothing shows the change but its bytes", async () => {
    await file("a", "one");
    const time = new Date(1_000_000_000_000);
    await utimes(at("a"), time, time);
    const failure = await pushWhile(() => {
      writeFileSync(at("a"), "two");
      utimesSync(at("a"), time, time);
    });
    expect(failure.message).toContain(digestOf("one"));
    expect(registry.tags(APP)).toEqual([]);
  });

  it("follows a link to a file", async () => {
    await file("a", "one");
    await mkdir(at("sub"));
    await symlink(at("a"), at("sub", "link"));
    const { files } = await engine.pushArtifact(name(), {
      files: [{ path: at("sub", "link") }],
      artifactType: TYPE,
    });
    const [only = {} as Descriptor] = files;
    expect(only).toMatchObject({ digest: digestOf("one"), annotations: { [TITLE]: basename("link") } });
  });
});
