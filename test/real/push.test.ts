import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Digest, encodedOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { canRunContainerd, ctr, startContainerd } from "./support/containerd.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayageOutput, startDrayage } from "./support/drayage.ts";
import {
  type MadeImage,
  THREE_PLATFORMS,
  tagInLayout,
  writeArtifact,
  writeImage,
  writeIndex,
} from "./support/images.ts";
import { skopeoCopy } from "./support/skopeo.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { storedBlobs } from "./support/stored-blobs.ts";
import { until } from "./support/until.ts";

const MIB = 1024 ** 2;

/** Size of the layer whose upload is disturbed. */
const BIG_BYTES = 128 * MIB;

/** Longest time for a test that moves hundreds of megabytes through several programs, in milliseconds. */
const TIMEOUT_MS = 90_000;

/** Paths of requests that begin, carry or end an upload. */
const UPLOADS = /\/blobs\/uploads\//;

const LOCAL = "localhost/local/image:v1";

let stage: Stage;

function pushArguments(root: string, target: string): string[] {
  return ["push", "-q", "--plain-http", "--root", root, LOCAL, target];
}

/** Pushes from a data root; what is printed must be the name and the right digest. */
async function push(root: string, target: string, digest: Digest): Promise<void> {
  expect(await drayageOutput(pushArguments(root, target))).toBe(`${target}@${digest}\n`);
}

/** A data root that holds an image under the local name. */
async function rootWith<Made extends { readonly manifest: Descriptor }>(
  make: (root: string) => Promise<Made>,
): Promise<Made & { readonly root: string }> {
  const root = await stage.newRoot();
  const made = await make(root);
  await tagInLayout(root, LOCAL, made.manifest);
  return { ...made, root };
}

/** What arrives when others take an image from the registry, as digests, sorted. */
interface PulledBack {
  readonly skopeo: readonly string[];
  readonly drayage: readonly string[];
  /** Empty where no containerd can run. */
  readonly containerd: readonly string[];
}

/** Ways by which `ctr` pulls: an image is unpacked as well, which containerd refuses to do with an artifact. */
const CTR_PULL = {
  image: ["images", "pull", "--snapshotter", "native"],
  artifact: ["content", "fetch"],
} as const;

/** Takes an image from the registry by skopeo, drayage and containerd. Throws unless every digest is right. */
async function pulledBack(
  name: string,
  digest: Digest,
  kind: keyof typeof CTR_PULL = "image",
): Promise<PulledBack> {
  const copied = join(await stage.newRoot(), "copied");
  expect(await skopeoCopy(`docker://${name}`, `oci:${copied}:v1`)).toBe(digest);
  const root = await stage.newRoot();
  await drayageOutput(["pull", "-q", "--plain-http", "--all-platforms", "--root", root, name]);
  return {
    skopeo: await storedBlobs(copied),
    drayage: await storedBlobs(root),
    containerd: canRunContainerd ? await pulledByContainerd(name, digest, kind) : [],
  };
}

/** The content of a new containerd that has pulled the image, and nothing else, into its own store. */
async function pulledByContainerd(
  name: string,
  digest: Digest,
  kind: keyof typeof CTR_PULL,
): Promise<readonly string[]> {
  await using containerd = await startContainerd({ folder: await stage.newRoot() });
  const { socket } = containerd;
  await ctr(socket, [...CTR_PULL[kind], "--plain-http", "--all-platforms", name]);
  expect(await ctr(socket, ["images", "ls", `name==${name}`])).toContain(` ${digest} `);
  return (await ctr(socket, ["content", "ls", "-q"])).trimEnd().split("\n").sort();
}

/** The same blobs by every way. */
function everyWay(...descriptors: readonly Descriptor[]): PulledBack {
  const digests = [...new Set(descriptors.map(({ digest }) => digest))].sort();
  return { skopeo: digests, drayage: digests, containerd: canRunContainerd ? digests : [] };
}

function partsOf({ manifest, config, layers }: MadeImage): Descriptor[] {
  return [manifest, config, ...layers];
}

function uploadsOf({ records }: CountingProxy) {
  return records.filter(({ path }) => UPLOADS.test(path));
}

/** Bytes of blobs that came to the proxy. */
function sentBytes(proxy: CountingProxy): number {
  return uploadsOf(proxy).reduce((sum, record) => sum + record.sentBytes, 0);
}

describeReal("drayage push", ["docker-registry", "skopeo", "containerd", "ctr"], () => {
  beforeAll(async () => {
    stage = await startStage();
  });

  afterAll(() => stage.close());

  it("brings gzip, zstd and uncompressed layers, which others pull", async () => {
    const layers = [
      { bytes: 300_000 },
      { bytes: 70_000, compression: "zstd" },
      { bytes: 5_000, compression: "none" },
    ] as const;
    const image = await rootWith((root) => writeImage(root, { layers }));
    const name = stage.nameOf("test/image");

    await push(image.root, name, image.manifest.digest);

    expect(await pulledBack(name, image.manifest.digest)).toEqual(everyWay(...partsOf(image)));
  });

  it("brings an index with all its images", async () => {
    const index = await rootWith(async (root) => {
      const images: MadeImage[] = [];
      for (const platform of THREE_PLATFORMS) {
        const layers = [{ bytes: 10_000 }, { bytes: 20_000, seed: platform.architecture }];
        images.push(await writeImage(root, { platform, layers }));
      }
      return { manifest: await writeIndex(root, images), images };
    });
    const name = stage.nameOf("test/index");

    await push(index.root, name, index.manifest.digest);

    const blobs = everyWay(index.manifest, ...index.images.flatMap(partsOf));
    expect(await pulledBack(name, index.manifest.digest)).toEqual(blobs);
  });

  it("brings docker's schema 2", async () => {
    const image = await writeImage(stage.layout, { layers: [{ bytes: 10_000 }, { bytes: 20_000 }] });
    const digest = await stage.push("test/schema2", image.manifest, { format: "v2s2" });
    const source = stage.nameOf("test/schema2");
    const root = await stage.newRoot();
    await drayageOutput(["pull", "-q", "--plain-http", "--root", root, source]);
    const target = stage.nameOf("back/schema2");

    const args = ["push", "-q", "--plain-http", "--root", root, source, target];
    expect(await drayageOutput(args)).toBe(`${target}@${digest}\n`);

    // skopeo cannot write schema 2 into an OCI layout without changing it: a directory keeps it.
    const folder = join(await stage.newRoot(), "copied");
    expect(await skopeoCopy(`docker://${target}`, `dir:${folder}`)).toBe(digest);
    const again = await stage.newRoot();
    await drayageOutput(["pull", "-q", "--plain-http", "--root", again, target]);
    const blobs = await storedBlobs(root);
    expect(await storedBlobs(again)).toEqual(blobs);
    if (canRunContainerd) expect(await pulledByContainerd(target, digest, "image")).toEqual(blobs);
    expect(
      JSON.parse(await readFile(join(again, "blobs", "sha256", encodedOf(digest)), "utf8")),
    ).toMatchObject({ mediaType: "application/vnd.docker.distribution.manifest.v2+json" });
  });

  it("brings an artifact with the empty config", async () => {
    const type = "application/vnd.example.notes";
    const artifact = await rootWith((root) => writeArtifact(root, type, ["one", "two"]));
    const name = stage.nameOf("test/artifact");

    await push(artifact.root, name, artifact.manifest.digest);

    const blobs = everyWay(artifact.manifest, artifact.config, ...artifact.blobs);
    expect(await pulledBack(name, artifact.manifest.digest, "artifact")).toEqual(blobs);
  });

  it("brings a referrer, and lists it where its subject can be asked for it", async () => {
    const image = await rootWith((root) => writeImage(root, { layers: [{ bytes: 10_000 }] }));
    const name = stage.nameOf("test/subject");
    await push(image.root, name, image.manifest.digest);
    const { platform: _, ...subject } = image.manifest;
    const type = "application/vnd.example.signature";
    const referrer = await rootWith((root) => writeArtifact(root, type, ["signed"], { subject }));
    const parts = [referrer.manifest, referrer.config, ...referrer.blobs];
    const signature = stage.nameOf("test/subject", "signature");

    await push(referrer.root, signature, referrer.manifest.digest);

    // The tag is where a registry without the API for referrers keeps them (OCI distribution-spec, "Referrers Tag Schema").
    const list = subject.digest.replace(":", "-");
    const index = "application/vnd.oci.image.index.v1+json";
    const { url } = stage.registry;
    const tagged = await fetch(`${url}/v2/test/subject/manifests/${list}`, { headers: { accept: index } });
    expect(await tagged.json()).toMatchObject({
      mediaType: index,
      manifests: [{ ...referrer.manifest, artifactType: type }],
    });
    expect(await pulledBack(signature, referrer.manifest.digest, "artifact")).toEqual(everyWay(...parts));
    expect(await pulledBack(name, subject.digest)).toEqual(everyWay(...partsOf(image)));
  });

  describe("of what the registry has", () => {
    let image: MadeImage & { readonly root: string };
    let proxy: CountingProxy;

    beforeAll(async () => {
      image = await rootWith((root) => writeImage(root, { layers: [{ bytes: 111_111 }, { bytes: 22_222 }] }));
      proxy = await startCountingProxy(stage.registry.host);
      await push(image.root, `${proxy.host}/known/first:v1`, image.manifest.digest);
    });

    afterAll(() => proxy.stop());

    /** The requests of a push of the image. */
    async function requestsOf(target: string) {
      const before = proxy.records.length;
      await push(image.root, `${proxy.host}/${target}`, image.manifest.digest);
      return proxy.records.slice(before);
    }

    it("asks once for each blob and sends none", async () => {
      const requests = await requestsOf("known/first:v1");

      const blobs = requests.filter(({ path }) => path.includes("/blobs/"));
      expect(blobs.map(({ method, path, status }) => [method, path, status])).toEqual(
        expect.arrayContaining(
          [image.config, ...image.layers].map(({ digest }) => [
            "HEAD",
            `/v2/known/first/blobs/${digest}`,
            200,
          ]),
        ),
      );
      expect(blobs).toHaveLength(3);
      expect(requests.filter(({ method }) => method !== "HEAD")).toEqual([]);
    });

    it("sends a manifest alone for another tag", async () => {
      const requests = await requestsOf("known/first:v2");

      expect(requests.filter(({ method }) => method !== "HEAD")).toMatchObject([
        { method: "PUT", path: "/v2/known/first/manifests/v2", sentBytes: image.manifest.size },
      ]);
    });

    it("mounts every blob in another repository of the registry", async () => {
      const requests = await requestsOf("known/second:v1");

      const uploads = requests.filter(({ path }) => UPLOADS.test(path));
      expect(uploads).toHaveLength(3);
      for (const { method, path, status, sentBytes: sent } of uploads) {
        expect([method, new URL(path, proxy.url).searchParams.get("from"), status, sent]).toEqual([
          "POST",
          "known/first",
          201,
          0,
        ]);
      }
      const name = stage.nameOf("known/second");
      expect(await pulledBack(name, image.manifest.digest)).toEqual(everyWay(...partsOf(image)));
    });
  });
});

describeReal("a disturbed push of a big layer", ["docker-registry", "skopeo"], () => {
  let image: MadeImage & { readonly root: string };
  let layer: Descriptor;

  beforeAll(async () => {
    stage = await startStage();
    image = await rootWith((root) =>
      writeImage(root, { layers: [{ bytes: BIG_BYTES, compression: "none" }] }),
    );
    [layer] = image.layers as [Descriptor];
  }, TIMEOUT_MS);

  afterAll(() => stage.close());

  /** What skopeo copies out of the registry is the image, byte for byte. */
  async function expectArrived(host: string): Promise<void> {
    const copied = join(await stage.newRoot(), "copied");
    const { digest } = image.manifest;
    expect(await skopeoCopy(`docker://${host}/test/big:v1`, `oci:${copied}:v1`)).toBe(digest);
    expect(await storedBlobs(copied)).toEqual(everyWay(...partsOf(image)).skopeo);
  }

  it(
    "leaves nothing broken when kill -9 ends it, and succeeds with the next command",
    async ({ signal }) => {
      await using proxy = await startCountingProxy(stage.registry.host);
      const target = `${proxy.host}/test/big:v1`;
      const running = startDrayage(pushArguments(image.root, target));
      await until(() => sentBytes(proxy) > BIG_BYTES / 2, signal);
      running.kill("SIGKILL");
      expect(await running.done).toMatchObject({ status: null, signal: "SIGKILL" });
      const there = await fetch(`${proxy.url}/v2/test/big/blobs/${layer.digest}`, { method: "HEAD" });
      const named = await fetch(`${proxy.url}/v2/test/big/manifests/v1`, { method: "HEAD" });
      expect([there.status, named.status]).toEqual([404, 404]);

      await push(image.root, target, image.manifest.digest);

      await expectArrived(stage.registry.host);
    },
    TIMEOUT_MS,
  );
});
