import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeBlob } from "../../src/content/write-blob.ts";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { ErrCanceled, ErrNotFound, ErrPermissionDenied } from "../../src/errors.ts";
import type { Descriptor } from "../../src/images.ts";
import { type BuiltImage, buildImage, buildIndex } from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { EMPTY, OCI, putBlob, putManifest } from "./support/documents.ts";
import { blobsOn, failureOf, openEngine } from "./support/engine.ts";
import {
  finishing,
  type PushSite,
  pushSite,
  REPOSITORY,
  uploadedBytes,
  written,
} from "./support/push-site.ts";
import { until } from "./support/until.ts";

const ALWAYS = Number.POSITIVE_INFINITY;
const PLATFORMS = ["amd64", "arm64", "s390x"].map((architecture) => ({ os: "linux", architecture }));

let site: PushSite;

beforeEach(async () => {
  site = await pushSite();
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

/** Everything that the target has of the repository, sorted. */
function atTarget(): readonly Digest[] {
  return [...site.target.manifests(REPOSITORY), ...site.target.blobs(REPOSITORY)].toSorted();
}

/** The target has the tag, byte for byte as the source has it. */
function expectSame(tag = "v1"): void {
  expect(site.target.manifest(REPOSITORY, tag)).toEqual(expect.objectContaining(heldAtSource(tag)));
}

function heldAtSource(tag: string) {
  const held = site.source.manifest(REPOSITORY, tag);
  return { digest: held?.digest, mediaType: held?.mediaType, bytes: held?.bytes };
}

/** An index of images for three platforms at the source. */
async function buildThree(): Promise<{ readonly index: Descriptor; readonly images: readonly BuiltImage[] }> {
  const images = await Promise.all(
    PLATFORMS.map((platform, at) =>
      buildImage(site.source, REPOSITORY, { layers: [5_000, 6_000 + at], platform }),
    ),
  );
  return { index: buildIndex(site.source, REPOSITORY, { tag: "v1", images }), images };
}

describe("push() to another registry", () => {
  it.each(["oci", "docker"] as const)("brings an %s image as it is", async (mediaTypes) => {
    const image = await site.pulled({ layers: [5_000, 300_000], mediaTypes });

    const result = await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });

    const { platform: _platform, ...target } = image.descriptor;
    expect(result).toEqual({
      reference: `${site.to}:v1`,
      digest: target.digest,
      images: [{ name: `${site.to}:v1`, target, endpoint: site.target.url }],
      endpoint: site.target.url,
      passedOver: [],
      taken: expect.any(Array),
    });
    expectSame();
    expect(atTarget()).toEqual(digestsOf(image));
  });

  it("brings all images of an index, and they can be pulled from there", async () => {
    const { index, images } = await buildThree();
    await site.engine.pull(`${site.from}:v1`, { allPlatforms: true });

    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });

    expectSame();
    await using other = await openEngine();
    await other.pull(`${site.to}:v1`, { allPlatforms: true });
    expect(await blobsOn(other.root)).toEqual([index.digest, ...digestsOf(...images)].toSorted());
  });

  it("brings an artifact with the empty config", async () => {
    await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
    const file = await putBlob(site.source, REPOSITORY, { mediaType: "text/plain", content: "some text" });
    const fields = { artifactType: "application/vnd.example+text", config: EMPTY, layers: [file, EMPTY] };
    putManifest(site.source, { repository: REPOSITORY, tag: "v1" }, fields);
    await site.engine.pull(`${site.from}:v1`);

    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });

    expectSame();
    expect(site.target.blobs(REPOSITORY).toSorted()).toEqual([EMPTY.digest, file.digest].toSorted());
  });

  it("brings what was built here, an empty layer too", async () => {
    const { content, images } = site.engine;
    async function put(mediaType: string, text: string): Promise<Descriptor> {
      const bytes = Buffer.from(text);
      const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
      await writeBlob(content, descriptor.digest, bytes, descriptor);
      return descriptor;
    }
    const config = await put(OCI.config, '{"os":"linux","architecture":"amd64"}');
    const layers = [await put(OCI.layer, "some bytes"), await put(OCI.layer, "")];
    const document = JSON.stringify({ schemaVersion: 2, mediaType: OCI.manifest, config, layers });
    const target = await put(OCI.manifest, document);
    await images.tag(`${site.to}:built`, target);

    await site.engine.push(`${site.to}:built`);

    expect(Buffer.from(site.target.manifest(REPOSITORY, "built")?.bytes ?? "").toString()).toBe(document);
    expect(atTarget()).toEqual([target, config, ...layers].map(({ digest }) => digest).toSorted());
  });

  it("sends blobs, then manifests, then the index, and the tag last", async () => {
    const { images } = await buildThree();
    await site.engine.pull(`${site.from}:v1`, { allPlatforms: true });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });

    const puts = written(site.target).filter((line) => line.startsWith("PUT"));
    const manifests = images.map(({ descriptor }) => `PUT manifest ${descriptor.digest}`);
    expect(puts.at(-1)).toBe("PUT manifest v1");
    expect(puts.slice(-4, -1).toSorted()).toEqual(manifests.toSorted());
    expect(puts.slice(0, -4).every((line) => line.startsWith("PUT upload"))).toBe(true);
  });

  it("sends nothing of what is there, and asks for each blob once", async () => {
    const image = await site.pulled({ layers: [5_000, 300_000] });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    const before = site.target.requests.length;

    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });

    const again = written(site.target).slice(before);
    const blobs = [image.config, ...image.layers.map(({ descriptor }) => descriptor)];
    expect(again.filter((line) => !line.startsWith("GET ping")).toSorted()).toEqual(
      [...blobs.map(({ digest }) => `HEAD blob ${digest}`), "HEAD manifest v1"].toSorted(),
    );
  });

  it("gives a second tag to what is there without sending it", async () => {
    await site.pulled({ layers: [5_000] });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    const before = uploadedBytes(site.target, REPOSITORY);
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v2` });
    expect(site.target.tags(REPOSITORY)).toEqual(["v1", "v2"]);
    expect(uploadedBytes(site.target, REPOSITORY)).toBe(before);
  });

  it("asks again for a manifest that the registry could not take just now", async () => {
    await site.pulled({ layers: [5_000] });
    const fault = site.target.fault({ kind: "manifest", method: "PUT" }, { status: 503 });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    expect(fault.hits).toBe(1);
    expectSame();
  });
});

describe("push() of a platform", () => {
  it("puts the manifest for it under the tag, without the index", async () => {
    const { images } = await buildThree();
    await site.engine.pull(`${site.from}:v1`, { platform: "linux/arm64" });
    const result = await site.engine.push(`${site.from}:v1`, {
      target: `${site.to}:v1`,
      platform: "linux/arm64",
    });
    const wanted = images[1];
    expect(result.digest).toBe(wanted?.descriptor.digest);
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(wanted?.descriptor.digest);
    expect(atTarget()).toEqual(digestsOf(...(wanted ? [wanted] : [])));
  });

  it.each<[string, string | undefined]>([
    ["an index that is not here as a whole", undefined],
    ["a platform that is not here", "linux/s390x"],
    ["a platform that the index lacks", "linux/riscv64"],
  ])("sends nothing of %s", async (_, platform) => {
    await buildThree();
    await site.engine.pull(`${site.from}:v1`, { platform: "linux/arm64" });
    const failure = await failureOf(
      site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1`, platform }),
    );
    expect(failure).toBeInstanceOf(ErrNotFound);
    expect(failure.message).toMatch(
      platform === "linux/riscv64"
        ? /^no matching manifest for linux\/riscv64/
        : /^push sha256:\w+: content for linux\/\w+ is not in the store; pull it/,
    );
    expect(site.target.requests).toEqual([]);
  });
});

describe("push() that fails", () => {
  it("makes no tag when a layer is refused", async () => {
    const layer = layerOf(await site.pulled({ layers: [5_000, 6_000] }));
    site.target.fault(
      { kind: "upload", method: "PUT", digest: layer.digest, times: ALWAYS },
      { status: 403 },
    );
    const failure = await failureOf(site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` }));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    expect(site.target.tags(REPOSITORY)).toEqual([]);
    expect(site.target.manifests(REPOSITORY)).toEqual([]);
  });

  it("makes no tag when it is cancelled, and closes the request", async () => {
    const layer = layerOf(await site.pulled({ layers: [5_000] }));
    const put = { kind: "upload", method: "PUT", digest: layer.digest } as const;
    site.target.fault(put, { hold: new Promise(() => {}) });
    const abort = new AbortController();
    const failure = failureOf(
      site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1`, signal: abort.signal }),
    );
    await site.target.waitFor(({ method, digest }) => method === "PUT" && digest === layer.digest);
    abort.abort();
    expect(await failure).toBeInstanceOf(ErrCanceled);
    const held = await site.target.waitFor(
      ({ method, digest }) => method === "PUT" && digest === layer.digest,
      {
        finished: true,
      },
    );
    expect(held.state).toBe("aborted");
    expect(site.target.tags(REPOSITORY)).toEqual([]);
  });

  it("ends with the first failure, whatever else is under way", async () => {
    const { layers } = await site.pulled({ layers: [5_000, 6_000] });
    const [held, refused] = layers.map(({ descriptor }) => descriptor);
    if (!held || !refused) throw new TypeError("two layers are missing");
    const started = site.target.waitFor(({ method, digest }) => method === "PUT" && digest === held.digest);
    const put = { kind: "upload", method: "PUT" } as const;
    site.target.fault({ ...put, digest: held.digest }, { hold: new Promise(() => {}) });
    site.target.fault({ ...put, digest: refused.digest }, { hold: started, status: 403 });
    const failure = await failureOf(site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` }));
    expect(failure).toBeInstanceOf(ErrPermissionDenied);
    await until(() => finishing(site.target, held)[0]?.state === "aborted");
    expect(site.target.tags(REPOSITORY)).toEqual([]);
  });

  it("goes on with a layer whose connection broke", async () => {
    const layer = layerOf(await site.pulled({ layers: [300_000] }));
    const put = { kind: "upload", method: "PUT", digest: layer.digest } as const;
    site.target.fault(put, { resetRequest: { afterBytes: 100_000 } });
    await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
    expectSame();
  });
});
