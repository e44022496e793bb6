import { readBlob } from "../content/read-blob.ts";
import { type Digest, digestOf } from "../digest/digest.ts";
import { ErrDataLoss, ErrInvalidArgument, ErrNotFound } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { asObject, asString, fieldsOf, listOf } from "../oci/json-field.ts";
import { DOCKER_CONFIG, DOCKER_MANIFEST } from "../oci/media-types.ts";
import { MAX_CHILDREN } from "../oci/parse-document.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../oci/parse-image-config.ts";
import { type DescribeLayer, layerDescriber } from "./describe-layer.ts";
import type { FoundImage } from "./found-image.ts";
import { ingest, type StoredFile } from "./ingest.ts";
import type { IntakeContext } from "./intake.ts";
import type { UnpackedArchive } from "./unpack-archive.ts";

/** One image in the `manifest.json` of a `docker save`: paths inside the archive. */
interface DockerEntry {
  readonly config: string;
  readonly repoTags: readonly string[];
  /** From the base up. */
  readonly layers: readonly string[];
}

/** Most images in one archive, and most names of one image. */
const MAX_LISTED = 4096;

/**
 * The images of a `docker save` archive, as docker wrote them before version 25 and skopeo, podman and others write them
 * today. Each gets a manifest (docker schema 2) of its config and layers, which are kept as they are: the same archive makes
 * the same manifest. Throws `ErrInvalidArgument` for a malformed list or config, `ErrNotFound` for a file that is not in the
 * archive, `ErrDataLoss` for one that is not what config or name say.
 */
export async function readDockerList(
  archive: UnpackedArchive,
  list: Uint8Array,
  context: IntakeContext,
): Promise<readonly FoundImage[]> {
  const found: FoundImage[] = [];
  const describeLayer = layerDescriber(context.content, context);
  for (const entry of parseList(list)) {
    const target = await makeManifest(archive, entry, { ...context, describeLayer });
    if (entry.repoTags.length === 0) found.push({ target });
    found.push(...entry.repoTags.map((name) => ({ target, name })));
  }
  return found;
}

function parseList(bytes: Uint8Array): readonly DockerEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ErrInvalidArgument("Cannot parse manifest.json: not valid JSON", { cause });
  }
  return listOf(asEntry, MAX_LISTED)(value, "manifest.json");
}

function asEntry(value: unknown, path: string): DockerEntry {
  const fields = fieldsOf(asObject(value, path), path);
  return {
    config: fields.required("Config", asString),
    repoTags: fields.optional("RepoTags", listOf(asString, MAX_LISTED)) ?? [],
    layers: fields.optional("Layers", listOf(asString, MAX_CHILDREN)) ?? [],
  };
}

async function makeManifest(
  archive: UnpackedArchive,
  entry: DockerEntry,
  { content, signal, describeLayer }: IntakeContext & { readonly describeLayer: DescribeLayer },
): Promise<Descriptor> {
  const config = findFile(archive, entry.config);
  checkNamedDigest(entry.config, config.digest);
  const bytes = await readBlob(content, config, { maxBytes: MAX_CONFIG_BYTES, signal });
  const layers = await describeLayers(
    archive,
    { ...entry, diffIds: parseImageConfig(bytes).diffIds },
    describeLayer,
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: DOCKER_MANIFEST,
      config: { mediaType: DOCKER_CONFIG, size: config.size, digest: config.digest },
      layers: layers.map(({ mediaType, size, digest }) => ({ mediaType, size, digest })),
    }),
  );
  const target = { mediaType: DOCKER_MANIFEST, digest: digestOf(manifest), size: manifest.byteLength };
  await ingest(content, { ...target, path: "manifest.json", chunks: piece(manifest) }, { signal });
  return target;
}

async function* piece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function describeLayers(
  archive: UnpackedArchive,
  { config, layers, diffIds }: DockerEntry & { readonly diffIds: readonly Digest[] },
  describeLayer: DescribeLayer,
): Promise<readonly Descriptor[]> {
  if (layers.length !== diffIds.length) {
    throw new ErrInvalidArgument(
      `import ${config}: got ${layers.length} layers, wanted ${diffIds.length} as its rootfs says`,
    );
  }
  const described: Descriptor[] = [];
  for (const [at, diffId] of diffIds.entries()) {
    const path = layers[at] ?? "";
    described.push(await describeLayer({ ...findFile(archive, path), path, diffId }));
  }
  return described;
}

function findFile(archive: UnpackedArchive, path: string): StoredFile {
  const file = archive.find(path);
  if (file === undefined)
    throw new ErrNotFound(`import image: "${path}" of manifest.json is not in the archive`);
  return file;
}

/** A config is called by its digest, which nothing else in the archive vouches for. */
function checkNamedDigest(path: string, digest: Digest): void {
  const [, hex] = /(?:^|[/:])([0-9a-f]{64})(?:\.json)?$/.exec(path) ?? [];
  if (hex === undefined || digest === `sha256:${hex}`) return;
  throw new ErrDataLoss(`import ${path}: got digest ${digest}`, { digest: `sha256:${hex}` });
}
