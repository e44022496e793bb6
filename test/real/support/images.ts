import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { type Digest, Digester, digestOf, encodedOf } from "../../../src/digest/digest.ts";
import type { Descriptor, Platform } from "../../../src/oci/descriptor.ts";
import { pseudoRandom } from "./pseudo-random.ts";
import { tar } from "./tar.ts";

/** A layer to be made: one directory with one file of pseudo-random bytes. */
interface LayerRecipe {
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** `gzip` by default; big layers are cheap with `none`. */
  readonly compression?: "gzip" | "zstd" | "none" | undefined;
  /** Layers of equal recipe are equal; another seed gives other bytes. Its number among the layers by default. */
  readonly seed?: string | undefined;
}

/** An image to be made. */
export interface ImageRecipe {
  /** Lowest layer first. */
  readonly layers: readonly LayerRecipe[];
  /** linux/amd64 by default. */
  readonly platform?: Platform | undefined;
}

/** An image in a layout. */
export interface MadeImage {
  /** Points at the manifest, with the platform. */
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  /** Lowest layer first. */
  readonly layers: readonly Descriptor[];
  /** Digests of the uncompressed layers, in the same order. */
  readonly diffIds: readonly Digest[];
}

/** An artifact in a layout. */
export interface MadeArtifact {
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly blobs: readonly Descriptor[];
}

/** Three platforms, as most public images have them. */
export const THREE_PLATFORMS: readonly Platform[] = [
  { os: "linux", architecture: "amd64" },
  { os: "linux", architecture: "arm64", variant: "v8" },
  { os: "linux", architecture: "arm", variant: "v7" },
];

const OCI = "application/vnd.oci.image";

const COMPRESSIONS = {
  gzip: { suffix: "+gzip", start: (): Transform => createGzip({ level: constants.Z_BEST_SPEED }) },
  zstd: { suffix: "+zstd", start: (): Transform => createZstdCompress() },
  none: { suffix: "", start: (): Transform => new PassThrough() },
};

/** Makes an image in the OCI image layout `folder`, which is created when it is not there, and gives it no name yet. */
export async function writeImage(folder: string, recipe: ImageRecipe): Promise<MadeImage> {
  await writeLayout(folder);
  const platform = recipe.platform ?? { os: "linux", architecture: "amd64" };
  const made: { layer: Descriptor; diffId: Digest }[] = [];
  for (const [index, layer] of recipe.layers.entries()) {
    made.push(await writeLayer(folder, { seed: `layer ${index}`, ...layer }));
  }
  const layers = made.map(({ layer }) => layer);
  const diffIds = made.map(({ diffId }) => diffId);
  const config = await writeJson(folder, `${OCI}.config.v1+json`, {
    ...platform,
    config: { Cmd: ["/bin/true"] },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: layers.map((_, index) => ({ created_by: `layer ${index}` })),
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = await writeJson(folder, mediaType, { schemaVersion: 2, mediaType, config, layers });
  return { manifest: { ...manifest, platform }, config, layers, diffIds };
}

/** Makes an index of images that are in the layout. */
export function writeIndex(folder: string, images: readonly MadeImage[]): Promise<Descriptor> {
  const mediaType = `${OCI}.index.v1+json`;
  const manifests = images.map(({ manifest }) => manifest);
  return writeJson(folder, mediaType, { schemaVersion: 2, mediaType, manifests });
}

/**
 * Makes an artifact (OCI image-spec, manifest.md "Guidelines for artifact usage"): typed blobs under the empty
 * config, perhaps with a subject.
 */
export async function writeArtifact(
  folder: string,
  artifactType: string,
  contents: readonly string[],
  { subject }: { readonly subject?: Descriptor | undefined } = {},
): Promise<MadeArtifact> {
  await writeLayout(folder);
  const config = await writeJson(folder, "application/vnd.oci.empty.v1+json", {});
  const blobs: Descriptor[] = [];
  for (const content of contents) blobs.push(await writeBytes(folder, "text/plain", content));
  const mediaType = `${OCI}.manifest.v1+json`;
  const document = { schemaVersion: 2, mediaType, artifactType, config, layers: blobs, subject };
  return { manifest: await writeJson(folder, mediaType, document), config, blobs };
}

/** Names a manifest or index of the layout; the name moves when it is taken. */
export async function tagInLayout(folder: string, tag: string, target: Descriptor): Promise<void> {
  const file = join(folder, "index.json");
  const annotations = { "org.opencontainers.image.ref.name": tag };
  const index = JSON.parse(await readFile(file, "utf8")) as { manifests: Descriptor[] };
  const others = index.manifests.filter((one) => Object.values(one.annotations ?? {})[0] !== tag);
  await writeFile(file, JSON.stringify({ ...index, manifests: [...others, { ...target, annotations }] }));
}

/** Makes `folder` an OCI image layout if it is none yet. */
export async function writeLayout(folder: string): Promise<void> {
  await mkdir(join(folder, "blobs", "sha256"), { recursive: true });
  await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const empty = JSON.stringify({ schemaVersion: 2, manifests: [] });
  await writeFile(join(folder, "index.json"), empty, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

async function writeLayer(
  folder: string,
  { bytes, compression = "gzip", seed = "" }: LayerRecipe,
): Promise<{ layer: Descriptor; diffId: Digest }> {
  const { suffix, start } = COMPRESSIONS[compression];
  const content = pseudoRandom(seed, bytes);
  const archive = tar([{ name: "data/" }, { name: "data/random.bin", size: bytes, content }]);
  const uncompressed = new Digester();
  const compressed = new Digester();
  let size = 0;
  const temporary = join(folder, "blobs", `layer.${process.pid}.${Math.random()}`);
  await pipeline(
    Readable.from(count(archive, (chunk) => uncompressed.update(chunk))),
    start(),
    (chunks: AsyncIterable<Buffer>) =>
      count(chunks, (chunk) => {
        compressed.update(chunk);
        size += chunk.length;
      }),
    createWriteStream(temporary),
  );
  const digest = compressed.digest();
  await rename(temporary, blobPath(folder, digest));
  return {
    layer: { mediaType: `${OCI}.layer.v1.tar${suffix}`, digest, size },
    diffId: uncompressed.digest(),
  };
}

/** Passes chunks on and shows each to `see`. */
async function* count(
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  see: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    see(chunk);
    yield chunk;
  }
}

/** Writes a document into the layout `folder`. */
export function writeJson(folder: string, mediaType: string, document: object): Promise<Descriptor> {
  return writeBytes(folder, mediaType, JSON.stringify(document));
}

async function writeBytes(folder: string, mediaType: string, content: string): Promise<Descriptor> {
  const digest = digestOf(content);
  await writeFile(blobPath(folder, digest), content);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}

/** Where the layout `folder` keeps a blob. */
export function blobPath(folder: string, digest: Digest): string {
  return join(folder, "blobs", "sha256", encodedOf(digest));
}
