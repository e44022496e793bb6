import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import {
  ErrCanceled,
  ErrDataLoss,
  ErrInvalidArgument,
  ErrNotFound,
  ErrPermissionDenied,
} from "../../../src/errors.ts";
import type { Descriptor } from "../../../src/index.ts";
import { referrersTag } from "../../../src/registry/pull/referrers.ts";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../../src/testing.ts";
import { closingAfterEach } from "../../support/closing-after-each.ts";
import { layerOf } from "../support/built-image.ts";
import { EMPTY, putManifest } from "../support/documents.ts";
import { blobsOn, failureOf, NO_WAIT, openEngine } from "../support/engine.ts";
import { ACCOUNT, profileSite } from "../support/profile-site.ts";
import {
  finishing,
  mountsAsked,
  type PushSite,
  pushSite,
  REPOSITORY,
  uploadedBytes,
  written,
} from "../support/push-site.ts";
import { gets } from "../support/requests.ts";
import { until } from "../support/until.ts";

const PLATFORMS = ["amd64", "arm64", "s390x"].map((architecture) => ({ os: "linux", architecture }));

const keep = closingAfterEach();
let site: PushSite;

beforeEach(async () => {
  site = await pushSite();
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

const from = (tag = "v1"): string => `${site.from}:${tag}`;
const to = (tag = "v1"): string => `${site.to}:${tag}`;
const build = (layers: readonly number[] = [200_000, 3_000]): Promise<BuiltImage> =>
  buildImage(site.source, REPOSITORY, { tag: "v1", layers });
const blobsOf = ({ config, layers }: BuiltImage): readonly Descriptor[] => [
  config,
  ...layers.map(({ descriptor }) => descriptor),
];

async function index(): Promise<{ root: Descriptor; images: readonly BuiltImage[] }> {
  const images = await Promise.all(
    PLATFORMS.map((platform, at) => buildImage(site.source, REPOSITORY, { layers: [4_000 + at], platform })),
  );
  return { root: buildIndex(site.source, REPOSITORY, { tag: "multi", images }), images };
}

describe("copy() between two registries", () => {
  it("brings each blob once, blobs before the manifest, byte for byte, and keeps nothing", async () => {
    const image = await build();
    const result = await site.engine.copy(from(), to());
    expect(result).toMatchObject({
      reference: to(),
      digest: image.descriptor.digest,
      endpoint: site.target.url,
      passedOver: [],
      images: [{ from: from(), name: to(), source: `http://localhost:${new URL(site.source.url).port}` }],
    });
    expect(site.target.manifest(REPOSITORY, "v1")?.bytes).toEqual(
      site.source.manifest(REPOSITORY, "v1")?.bytes,
    );
    for (const blob of blobsOf(image)) {
      expect(gets(site.source, blob.digest)).toHaveLength(1);
      expect(finishing(site.target, blob)).toHaveLength(1);
    }
    expect(written(site.target).at(-1)).toBe("PUT manifest v1");
    const bytes = blobsOf(image).reduce((sum, { size }) => sum + size, 0);
    expect(uploadedBytes(site.target, REPOSITORY)).toBe(bytes);
    expect(result.served.reduce((sum, served) => sum + served.bytes, 0)).toBe(bytes);
    expect(result.taken.filter(({ how }) => how === "uploaded")).toHaveLength(4);
    expect(await blobsOn(site.engine.root)).toEqual([]);
    expect(await site.engine.images.list()).toEqual([]);
    expect(await site.engine.content.listStatuses()).toEqual([]);
  });

  it("asks what is there first, and sends nothing twice", async () => {
    const image = await build();
    await site.engine.copy(from(), to());
    const before = site.source.requests.length;
    const result = await site.engine.copy(from(), to());
    expect(result.taken).toEqual([]);
    for (const blob of blobsOf(image)) expect(gets(site.source, blob.digest)).toHaveLength(1);
    expect(site.source.requests.length - before).toBeLessThan(4);
  });

  it("goes on where it stood on both sides, as often as connections break", async () => {
    const image = await build([900_000]);
    const { digest } = layerOf(image);
    site.source.fault({ kind: "blob", digest, method: "GET", times: 5 }, { truncate: 150_000 });
    site.target.fault(
      { kind: "upload", method: "PUT", digest, times: 2 },
      { resetRequest: { afterBytes: 100_000 } },
    );
    await site.engine.copy(from(), to());
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(image.descriptor.digest);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("sends large blobs in pieces out of one answer", async () => {
    const layer = await site.source.putGeneratedBlob(REPOSITORY, { size: 70_000_000, seed: "large" });
    await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
    putManifest(site.source, { repository: REPOSITORY, tag: "v1" }, { config: EMPTY, layers: [layer] });
    await site.engine.copy(from(), to());
    expect(gets(site.source, layer.digest)).toHaveLength(1);
    expect(site.target.blobs(REPOSITORY)).toContain(layer.digest);
  });

  it("copies all of an index", async () => {
    const { root, images } = await index();
    await site.engine.copy(from("multi"), to("multi"));
    expect(site.target.manifest(REPOSITORY, "multi")?.digest).toBe(root.digest);
    for (const { descriptor } of images)
      expect(site.target.manifests(REPOSITORY)).toContain(descriptor.digest);
    expect(written(site.target).at(-1)).toBe("PUT manifest multi");
  });

  it("copies the image of one platform itself", async () => {
    const { images } = await index();
    const { digest } = await site.engine.copy(from("multi"), to("arm"), { platforms: ["linux/arm64"] });
    expect(digest).toBe(images[1]?.descriptor.digest);
    expect(site.target.manifests(REPOSITORY)).toEqual([digest]);
    for (const blob of blobsOf(images[0] as BuiltImage))
      expect(gets(site.source, blob.digest)).toHaveLength(0);
    const failure = await failureOf(site.engine.copy(from("multi"), to("no"), { platforms: ["linux/mips"] }));
    expect(failure).toBeInstanceOf(ErrNotFound);
  });

  it("copies several platforms under an index of their entries, with what attests them", async () => {
    const { images } = await index();
    const [first, second] = images as [BuiltImage, BuiltImage];
    const attestation = putManifest(
      site.source,
      { repository: REPOSITORY },
      { config: EMPTY, layers: [EMPTY] },
    );
    await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
    const attested = { "vnd.docker.reference.digest": first.descriptor.digest };
    const entries = [
      ...images.map(({ descriptor }) => ({ ...descriptor, annotations: { kept: "yes" } })),
      { ...attestation, platform: { os: "unknown", architecture: "unknown" }, annotations: attested },
    ];
    const whole = {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: entries,
    };
    site.source.putManifest(
      REPOSITORY,
      "some",
      JSON.stringify({ ...whole, annotations: { of: "all" } }),
      whole.mediaType,
    );
    const platforms = ["linux/amd64", "linux/arm64"];
    const { digest } = await site.engine.copy(from("some"), to("some"), { platforms });
    const copied = JSON.parse(String(site.target.manifest(REPOSITORY, digest)?.bytes));
    expect(copied).toEqual({
      ...whole,
      annotations: { of: "all" },
      manifests: [entries[0], entries[1], entries[3]],
    });
    expect(site.target.manifests(REPOSITORY).toSorted()).toEqual(
      [digest, first.descriptor.digest, second.descriptor.digest, attestation.digest].toSorted(),
    );
  });

  it("copies artifacts of any type, and by digest without a tag", async () => {
    const blob = await site.source.putBlob(REPOSITORY, Buffer.from("some file"));
    await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
    const layer = { ...blob, mediaType: "application/x-anything" };
    const artifact = putManifest(
      site.source,
      { repository: REPOSITORY },
      { artifactType: "a/b", config: EMPTY, layers: [layer] },
    );
    await site.engine.copy(`${site.from}@${artifact.digest}`, `${site.to}@${artifact.digest}`);
    expect(site.target.manifests(REPOSITORY)).toEqual([artifact.digest]);
    expect(site.target.tags(REPOSITORY)).toEqual([]);
    await build();
    const other = site.engine.copy(from(), `${site.to}@${artifact.digest}`);
    expect(await failureOf(other)).toBeInstanceOf(ErrInvalidArgument);
  });

  it("copies every tag", async () => {
    await build();
    await index();
    const result = await site.engine.copy(site.from, site.to, { allTags: true });
    expect(result.images.map(({ name }) => name)).toEqual([to("multi"), to("v1")]);
    expect(site.target.tags(REPOSITORY)).toEqual(["multi", "v1"]);
    const tagged = site.engine.copy(site.from, to(), { allTags: true });
    expect(await failureOf(tagged)).toBeInstanceOf(ErrInvalidArgument);
  });

  it("takes what is here from the store", async () => {
    const image = await site.pulled({ layers: [200_000] });
    const layer = layerOf(image);
    await site.engine.copy(from(), to());
    expect(gets(site.source, layer.digest)).toHaveLength(1); // by the pull
    expect(site.target.blobs(REPOSITORY)).toContain(layer.digest);
  });

  it("moves a blob once for all who copy it to the same repository", async () => {
    const image = await build([900_000]);
    await buildImage(site.source, REPOSITORY, { tag: "v2", layers: [900_000], config: { author: "other" } });
    await Promise.all(["v1", "v2", "v1"].map((tag) => site.engine.copy(from(tag), to(tag))));
    const layer = layerOf(image);
    expect(gets(site.source, layer.digest)).toHaveLength(1);
    expect(finishing(site.target, layer)).toHaveLength(1);
    expect(site.target.tags(REPOSITORY)).toEqual(["v1", "v2"]);
  });

  it("makes no name of bytes that are wrong", async () => {
    const image = await build();
    site.source.fault(
      { kind: "blob", digest: layerOf(image).digest, times: Number.POSITIVE_INFINITY },
      { corrupt: { offset: 5 } },
    );
    expect(await failureOf(site.engine.copy(from(), to()))).toBeInstanceOf(ErrDataLoss);
    expect(site.target.tags(REPOSITORY)).toEqual([]);
    expect(site.target.blobs(REPOSITORY)).not.toContain(layerOf(image).digest);
    await until(() => site.target.uploads(REPOSITORY).length === 0);
  });

  it("finishes no upload of wrong bytes where blobs are checked on their way", async () => {
    const layer = layerOf(await build());
    const wrong = { kind: "blob", digest: layer.digest, times: Number.POSITIVE_INFINITY } as const;
    site.source.fault(wrong, { corrupt: { offset: 5 } });
    for (const checkBlobs of [true, false]) {
      const error = await failureOf(site.engine.copy(from(), to(), { checkBlobs }));
      expect(error).toMatchObject({ code: "ERR_DATA_LOSS", digest: layer.digest });
      const given = finishing(site.target, layer).map(({ bytesReceived }) => bytesReceived);
      expect(given.includes(layer.size)).toBe(!checkBlobs);
    }
    await until(() => site.target.uploads(REPOSITORY).length === 0);
  });

  it("sends bytes once more, and checks them, when who gets them says that they are others", async () => {
    const layer = layerOf(await build());
    site.source.fault({ kind: "blob", digest: layer.digest }, { corrupt: { offset: 5 } });
    await site.engine.copy(from(), to());
    expect(gets(site.source, layer.digest)).toHaveLength(2);
    expect(site.target.blobs(REPOSITORY)).toContain(layer.digest);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("blames the source for what the source has not, and the target for what that refuses", async () => {
    const image = await build();
    const { digest } = layerOf(image);
    const fault = site.source.fault(
      { kind: "blob", digest, times: Number.POSITIVE_INFINITY },
      { status: 404 },
    );
    const missing = await failureOf(site.engine.copy(from(), to()));
    expect(missing).toBeInstanceOf(ErrNotFound);
    expect(missing.message).toContain(`copy from http://localhost`);
    const opened = site.target.requests.filter(({ method, kind }) => method === "POST" && kind === "upload");
    expect(opened.length).toBeLessThanOrEqual(blobsOf(image).length); // it is not the target's 404
    await until(() => site.target.uploads(REPOSITORY).length === 0);
    fault.remove();
    site.target.fault({ method: "PUT", kind: "manifest" }, { status: 400 });
    expect(await failureOf(site.engine.copy(from(), to()))).toMatchObject({ endpoint: site.target.url });
    expect(await failureOf(site.engine.copy(from("none"), to()))).toBeInstanceOf(ErrNotFound);
  });

  it("goes on with another endpoint of the source when a mirror breaks in the middle", async () => {
    const mirror = keep(await TestRegistry.start());
    const image = await build([900_000]);
    await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [900_000, 3_000] });
    const { digest } = layerOf(image);
    mirror.fault({ kind: "blob", digest }, { truncate: 400_000 });
    mirror.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, { status: 404 });
    const [host = ""] = site.from.split("/");
    const mirrored = keep(await openEngine({ registry: { mirrors: { [host]: [mirror.url] } } }));
    await mirrored.copy(`${site.from}@${image.descriptor.digest}`, to());
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(image.descriptor.digest);
    expect(gets(site.source, digest)[0]?.headers["range"]).toBe("bytes=400000-");
  });

  it("leaves a mirror out that gave wrong bytes, and begins the blob again elsewhere", async () => {
    const mirror = keep(await TestRegistry.start());
    const image = await build([900_000, 3_000]);
    await buildImage(mirror, REPOSITORY, { tag: "v1", layers: [900_000, 3_000] });
    const layer = layerOf(image);
    const wrong = { kind: "blob", digest: layer.digest, times: Number.POSITIVE_INFINITY } as const;
    mirror.fault(wrong, { corrupt: { offset: 77 } });
    const [host = ""] = site.from.split("/");
    const registry = { mirrors: { [host]: [mirror.url] } };
    const mirrored = keep(await openEngine({ registry, backoff: NO_WAIT }));
    const result = await mirrored.copy(`${site.from}@${image.descriptor.digest}`, to());
    const error = { code: "ERR_DATA_LOSS", digest: layer.digest, endpoint: mirror.url };
    expect(result.passedOver[0]).toMatchObject({ endpoint: mirror.url, error });
    expect(gets(mirror, layer.digest)).toHaveLength(2); // what the target refuses is checked when it comes again
    expect(gets(site.source, layer.digest)).toHaveLength(1);
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(image.descriptor.digest);
    expect(site.target.blobs(REPOSITORY)).toContain(layer.digest);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("begins a blob again when one of the answers that it came in was wrong", async () => {
    const image = await build([900_000]);
    const { digest } = layerOf(image);
    site.source.fault({ kind: "blob", digest }, { truncate: 400_000 });
    site.source.fault({ kind: "blob", digest }, { corrupt: { offset: 77 } });
    await site.engine.copy(from(), to());
    const ranges = gets(site.source, digest).map(({ headers }) => headers["range"]);
    expect(ranges).toEqual([undefined, "bytes=400000-", undefined]);
    expect(site.target.blobs(REPOSITORY)).toContain(digest);
    expect(site.target.uploads(REPOSITORY)).toEqual([]);
  });

  it("asks for a blob while the other registry opens an upload for it", async () => {
    const image = await build();
    const blobs = blobsOf(image);
    const opened = Promise.withResolvers<void>();
    site.target.fault({ kind: "upload", method: "POST", times: blobs.length }, { hold: opened.promise });
    const copying = site.engine.copy(from(), to());
    await until(() => blobs.every(({ digest }) => gets(site.source, digest).length === 1));
    expect(uploadedBytes(site.target, REPOSITORY)).toBe(0);
    opened.resolve();
    await copying;
    for (const { digest } of blobs) expect(gets(site.source, digest)).toHaveLength(1);
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(image.descriptor.digest);
  });

  it("leaves the source alone when the other registry opens no upload", async () => {
    const image = await build([900_000]);
    site.source.fault({ kind: "blob", digest: layerOf(image).digest }, { stall: true, afterBytes: 500_000 });
    site.target.fault({ kind: "upload", method: "POST", times: 10 }, { status: 403 });
    expect(await failureOf(site.engine.copy(from(), to()))).toBeInstanceOf(ErrPermissionDenied);
    expect(site.target.requests.filter(({ method }) => method === "PUT" || method === "PATCH")).toEqual([]);
  });

  it("ends when its signal fires, and leaves no upload behind", async () => {
    const image = await build([900_000]);
    const { digest } = layerOf(image);
    site.source.fault({ kind: "blob", digest }, { stall: true, afterBytes: 500_000 });
    const aborting = new AbortController();
    const copying = failureOf(site.engine.copy(from(), to(), { signal: aborting.signal }));
    await until(() => uploadedBytes(site.target, REPOSITORY) >= 400_000);
    aborting.abort();
    expect(await copying).toBeInstanceOf(ErrCanceled);
    await until(() => site.target.uploads(REPOSITORY).length === 0);
    expect(site.target.tags(REPOSITORY)).toEqual([]);
  });

  it("has credentials for either side, and tells neither those of the other", async () => {
    await using guarded = await profileSite("hub", { account: true });
    const source = `${guarded.named("team/app")}:v1`;
    expect(await failureOf(site.engine.copy(source, to()))).toBeInstanceOf(ErrPermissionDenied);
    await site.engine.copy(source, to(), { fromAuth: ACCOUNT });
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(guarded.image.descriptor.digest);
    expect(site.target.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("tells a line for each blob, and what is in place in the end", async () => {
    const image = await build();
    const lines: string[] = [];
    await site.engine.copy(from(), to(), {
      onProgress(line) {
        if (line.kind === "update") lines.push(`${line.id} ${line.action}`);
        if (line.kind === "message") lines.push(line.message);
      },
    });
    for (const { digest } of blobsOf(image)) expect(lines).toContain(`${digest.slice(7, 19)} Pushed`);
    expect(lines.at(-1)).toContain(`v1: digest: ${image.descriptor.digest}`);
  });
});

describe("copy() within one registry", () => {
  it("mounts every blob and moves none", async () => {
    const image = await buildImage(site.target, "team/other", { tag: "v1", layers: [200_000, 3_000] });
    await site.engine.copy(`${site.target.host}/team/other:v1`, to("copied"));
    expect(new Set(mountsAsked(site.target))).toEqual(new Set(["team/other"]));
    expect(uploadedBytes(site.target, REPOSITORY)).toBe(0);
    for (const blob of blobsOf(image)) expect(gets(site.target, blob.digest)).toHaveLength(0);
    expect(site.target.manifest(REPOSITORY, "copied")?.digest).toBe(image.descriptor.digest);
  });

  it("gives another tag in the same repository by a manifest alone", async () => {
    const image = await buildImage(site.target, REPOSITORY, { tag: "v1", layers: [2_000] });
    await site.engine.copy(to("v1"), to("v2"));
    expect(site.target.manifest(REPOSITORY, "v2")?.digest).toBe(image.descriptor.digest);
    expect(mountsAsked(site.target)).toEqual([]);
    expect(uploadedBytes(site.target, REPOSITORY)).toBe(0);
  });

  it("sends what a registry will not mount", async () => {
    await using one = await TestRegistry.start({ habits: { mount: { mounts: false } } });
    const image = await buildImage(one, "team/other", { tag: "v1", layers: [20_000] });
    await site.engine.copy(`${one.host}/team/other:v1`, `${one.host}/${REPOSITORY}:v1`);
    expect(one.blobs(REPOSITORY)).toContain(layerOf(image).digest);
  });
});

const about = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });

describe.each([
  ["with the referrers API", true],
  ["that keeps no referrers", false],
])("copy() of referrers to a registry %s", (_, referrers) => {
  it("brings what refers to the image, to its platforms, and to what refers to it; the tag last", async () => {
    await using target = await TestRegistry.start({ referrers });
    const { root, images } = await index();
    const ofRoot = await sign(root, "root");
    const ofImage = await sign((images[0] as BuiltImage).descriptor, "image");
    const ofSignature = await sign(ofRoot, "signature");
    const engine = keep(await openEngine({ backoff: NO_WAIT }));
    const result = await engine.copy(from("multi"), `${target.host}/${REPOSITORY}:multi`, {
      referrers: true,
    });
    const wanted = [ofRoot, ofImage, ofSignature].map(({ digest }) => digest).toSorted();
    expect(result.images[0]?.referrers.map(({ digest }) => digest).toSorted()).toEqual(wanted);
    for (const digest of wanted) expect(target.manifests(REPOSITORY)).toContain(digest);
    const puts = target.requests.filter(({ method, kind }) => method === "PUT" && kind === "manifest");
    expect(puts.at(-1)?.reference).toBe("multi");
    const place = ({ digest }: Descriptor): number => puts.findIndex(({ reference }) => reference === digest);
    expect(place(root)).toBeLessThan(place(ofRoot));
    expect(place(ofRoot)).toBeLessThan(place(ofSignature));
    expect(target.tags(REPOSITORY).includes(referrersTag(root.digest))).toBe(!referrers);
    const before = puts.length;
    await engine.copy(from("multi"), `${target.host}/${REPOSITORY}:multi`, { referrers: true });
    expect(
      target.requests.filter(({ method, kind }) => method === "PUT" && kind === "manifest"),
    ).toHaveLength(before);
  });

  it("leaves them where they are unless they are wanted", async () => {
    const image = await build();
    const signature = await sign(image.descriptor, "mine");
    await site.engine.copy(from(), to());
    expect(site.target.manifests(REPOSITORY)).not.toContain(signature.digest);
    expect(digestOf("")).not.toBe(signature.digest);
  });
});

async function sign(subject: Descriptor, note: string): Promise<Descriptor> {
  await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
  const fields = { artifactType: "application/vnd.example.signature", config: EMPTY, layers: [EMPTY] };
  return putManifest(
    site.source,
    { repository: REPOSITORY },
    { ...fields, subject: about(subject), annotations: { note } },
  );
}
