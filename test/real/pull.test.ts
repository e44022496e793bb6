import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Digest, encodedOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { describeReal } from "./support/describe-real.ts";
import { drayage, drayageOutput } from "./support/drayage.ts";
import { type MadeImage, THREE_PLATFORMS, writeArtifact, writeImage, writeIndex } from "./support/images.ts";
import { runPart } from "./support/run-part.ts";
import { skopeo, skopeoCopy } from "./support/skopeo.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { storedBlobs } from "./support/stored-blobs.ts";

/** More layers than dockerd takes: other builders know no limit. */
const MANY_LAYERS = 130;

/** Longest time for a test that moves many things through several programs, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** This machine's platform among those of the index. */
const HOST_ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

let stage: Stage;

/** Pulls into a data root of its own and says where that is; what is printed must be the name and the right digest. */
async function pull(name: string, digest: Digest, ...more: readonly string[]): Promise<string> {
  const root = await stage.newRoot();
  const printed = await drayageOutput(["pull", "-q", "--plain-http", "--root", root, ...more, name]);
  expect(printed).toBe(`${name}@${digest}\n`);
  return root;
}

/** Copies an image out of a data root to the registry, into another repository, and pulls it from there. */
async function pullBack(root: string, repository: string, digest: Digest, ...more: readonly string[]) {
  const back = stage.nameOf(`back/${repository}`);
  expect(await skopeoCopy(`oci:${root}:${stage.nameOf(repository)}`, `docker://${back}`)).toBe(digest);
  return await pull(back, digest, ...more);
}

function digestsOf(...descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))].sort();
}

function partsOf({ manifest, config, layers }: MadeImage): Descriptor[] {
  return [manifest, config, ...layers];
}

/** What `skopeo inspect` finds in a layout. */
async function inspect(root: string, name: string): Promise<unknown> {
  return JSON.parse((await skopeo(["inspect", `oci:${root}:${name}`])).stdout);
}

/** Digests of the layers that umoci finds in a layout, lowest first. */
async function umociLayers(root: string, name: string): Promise<readonly unknown[]> {
  const { stdout } = await runPart("umoci", ["stat", "--json", "--image", `${root}:${name}`]);
  const { history } = JSON.parse(stdout) as { history: readonly { layer: Descriptor }[] };
  return history.map(({ layer }) => layer.digest);
}

describeReal("drayage pull", ["docker-registry", "skopeo", "umoci"], () => {
  beforeAll(async () => {
    stage = await startStage();
  });

  afterAll(() => stage.close());

  it("brings gzip, zstd and uncompressed layers, which others read and give back", async () => {
    const layers = [
      { bytes: 300_000 },
      { bytes: 70_000, compression: "zstd" },
      { bytes: 5_000, compression: "none" },
    ] as const;
    const image = await writeImage(stage.layout, { layers });
    const digest = await stage.push("test/image", image.manifest);
    const name = stage.nameOf("test/image");

    const root = await pull(name, digest);

    const blobs = digestsOf(...partsOf(image));
    const layerDigests = image.layers.map((layer) => layer.digest);
    expect(await storedBlobs(root)).toEqual(blobs);
    expect(await inspect(root, name)).toMatchObject({ Digest: digest, Layers: layerDigests });
    expect((await runPart("umoci", ["list", "--layout", root])).stdout).toBe(`${name}\n`);
    expect(await umociLayers(root, name)).toEqual(layerDigests);
    expect(await storedBlobs(await pullBack(root, "test/image", digest))).toEqual(blobs);
  });

  it("brings an image that umoci unpacks", async () => {
    const layers = [{ bytes: 40_000 }, { bytes: 5_000, compression: "none" }] as const;
    const image = await writeImage(stage.layout, { layers });
    const digest = await stage.push("test/unpacked", image.manifest);
    const name = stage.nameOf("test/unpacked");

    const root = await pull(name, digest);

    const bundle = join(stage.folder, "bundle");
    await runPart("umoci", ["unpack", "--rootless", "--image", `${root}:${name}`, bundle]);
    expect(await readFile(join(bundle, "rootfs", "data", "random.bin"))).toHaveLength(5_000);
  });

  it("brings docker's schema 2", async () => {
    const image = await writeImage(stage.layout, { layers: [{ bytes: 10_000 }, { bytes: 20_000 }] });
    const digest = await stage.push("test/schema2", image.manifest, { format: "v2s2" });

    const root = await pull(stage.nameOf("test/schema2"), digest);

    expect(await storedBlobs(root)).toEqual([digest, ...digestsOf(image.config, ...image.layers)].sort());
    expect(
      JSON.parse(await readFile(join(root, "blobs", "sha256", encodedOf(digest)), "utf8")),
    ).toMatchObject({
      mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    });
  });

  it(
    `brings ${MANY_LAYERS} layers`,
    async () => {
      const layers = Array.from({ length: MANY_LAYERS }, (_, index) => ({ bytes: 100 + index }));
      const image = await writeImage(stage.layout, { layers });
      const digest = await stage.push("test/many", image.manifest);

      const root = await pull(stage.nameOf("test/many"), digest);

      const blobs = digestsOf(...partsOf(image));
      expect(blobs).toHaveLength(MANY_LAYERS + 2);
      expect(await storedBlobs(root)).toEqual(blobs);
      expect(await storedBlobs(await pullBack(root, "test/many", digest))).toEqual(blobs);
    },
    TIMEOUT_MS,
  );

  it("brings an artifact with the empty config", async () => {
    const artifact = await writeArtifact(stage.layout, "application/vnd.example.notes", ["one", "two"]);
    const digest = await stage.push("test/artifact", artifact.manifest);

    const root = await pull(stage.nameOf("test/artifact"), digest);

    const blobs = digestsOf(artifact.manifest, artifact.config, ...artifact.blobs);
    expect(await storedBlobs(root)).toEqual(blobs);
    expect(await storedBlobs(await pullBack(root, "test/artifact", digest))).toEqual(blobs);
  });

  describe("of an index", () => {
    let index: Descriptor;
    let images: readonly MadeImage[];

    /** The image for an architecture. */
    function imageFor(architecture: string): MadeImage {
      const found = images.find(({ manifest }) => manifest.platform?.architecture === architecture);
      if (found === undefined) throw new Error(`Cannot test on ${architecture}: no such image`);
      return found;
    }

    beforeAll(async () => {
      images = await Promise.all(
        THREE_PLATFORMS.map((platform) =>
          writeImage(stage.layout, {
            platform,
            layers: [{ bytes: 10_000 }, { bytes: 20_000, seed: platform.architecture }],
          }),
        ),
      );
      index = await writeIndex(stage.layout, images);
      await stage.push("test/index", index);
    });

    it("brings the host's image by default, which others find by the host's platform", async () => {
      const name = stage.nameOf("test/index");

      const root = await pull(name, index.digest);

      const image = imageFor(HOST_ARCHITECTURE);
      expect(await storedBlobs(root)).toEqual(digestsOf(index, ...partsOf(image)));
      expect(await inspect(root, name)).toMatchObject({
        Architecture: HOST_ARCHITECTURE,
        Layers: image.layers.map(({ digest }) => digest),
      });
    });

    it("brings the image of --platform alone", async () => {
      const root = await pull(stage.nameOf("test/index"), index.digest, "--platform", "linux/arm/v7");

      expect(await storedBlobs(root)).toEqual(digestsOf(index, ...partsOf(imageFor("arm"))));
    });

    it("brings every image with --all-platforms, which others give back", async () => {
      const root = await pull(stage.nameOf("test/index"), index.digest, "--all-platforms");

      const blobs = digestsOf(index, ...images.flatMap(partsOf));
      expect(await storedBlobs(root)).toEqual(blobs);
      const back = await pullBack(root, "test/index", index.digest, "--all-platforms");
      expect(await storedBlobs(back)).toEqual(blobs);
    });

    it("adds what a second pull wants to what is there", async () => {
      const root = await pull(stage.nameOf("test/index"), index.digest, "--platform", "linux/arm64");
      const second = ["pull", "-q", "--plain-http", "--root", root, "--platform", "linux/arm/v7"];
      await drayageOutput([...second, stage.nameOf("test/index")]);

      expect(await storedBlobs(root)).toEqual(
        digestsOf(index, ...["arm", "arm64"].flatMap((architecture) => partsOf(imageFor(architecture)))),
      );
    });

    it("fails for a platform that is not there", async () => {
      const root = await stage.newRoot();
      const args = ["pull", "--plain-http", "--root", root, "--platform", "windows/amd64"];
      const { status, stderr } = await drayage([...args, stage.nameOf("test/index")]);

      expect([status, stderr]).toEqual([1, expect.stringMatching(/^drayage: .*windows\/amd64.*\n$/)]);
    });
  });
});

describeReal("a data root", ["docker-registry", "skopeo", "oras"], () => {
  let digest: Digest;
  let name: string;
  let root: string;

  beforeAll(async () => {
    stage = await startStage();
    const images = await Promise.all(
      THREE_PLATFORMS.map((platform) => writeImage(stage.layout, { platform, layers: [{ bytes: 10_000 }] })),
    );
    digest = await stage.push("test/index", await writeIndex(stage.layout, images));
    name = stage.nameOf("test/index");
    root = await pull(name, digest, "--all-platforms");
  });

  afterAll(() => stage.close());

  it("is read by oras", async () => {
    const { stdout: tags } = await runPart("oras", ["repo", "tags", "--oci-layout", root]);
    expect(tags).toBe(`${name}\n`);
    const fetchDescriptor = ["manifest", "fetch", "--descriptor", "--oci-layout-path", root, name];
    const { stdout: target } = await runPart("oras", fetchDescriptor);
    expect(JSON.parse(target)).toMatchObject({ digest });
  });

  it("is copied by oras to a registry and pulled again", async () => {
    const back = stage.nameOf("back/index");
    await runPart("oras", ["copy", "--from-oci-layout-path", root, name, "--to-plain-http", back]);
    expect(await storedBlobs(await pull(back, digest, "--all-platforms"))).toEqual(await storedBlobs(root));
  });
});
