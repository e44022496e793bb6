import type { AbortOptions } from "../../async/abort.ts";
import { forEachWithin } from "../../async/for-each-within.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { findError, isNotFound } from "../../errors/predicates.ts";
import { bestFirst, isNowhere } from "../../images/filters.ts";
import { MAX_GRAPH_DEPTH } from "../../images/graph-guard.ts";
import type { PlatformChoice } from "../../images/image-graph.ts";
import { claimsToBeImage } from "../../images/inspect-image.ts";
import { configFactsOf, NO_FACTS } from "../../oci/config-facts.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import type { JsonObject } from "../../oci/json-object.ts";
import { isIndexType, isManifestType } from "../../oci/media-types.ts";
import { type ImageIndex, type ImageManifest, parseIndex, parseManifest } from "../../oci/parse-document.ts";
import { parseConfigDocument } from "../../oci/parse-image-config.ts";
import { formatPlatform } from "../../platform/format-platform.ts";
import type { InspectedImage } from "../api/looking.ts";

/** Contents that are looked for at the same time: each may be a file that is opened. */
const MAX_LOOKS = 16;

/** How an image is read. */
export interface ImageReading extends AbortOptions {
  /** The bytes of a document, verified. Throws `ErrNotFound` for one that cannot be had. */
  readonly read: (descriptor: Descriptor) => Promise<Uint8Array>;
  readonly isHere: (descriptor: Descriptor) => Promise<boolean>;
  /** Which image of an index; when nobody asked for a platform, the first one that can be had where none matches. */
  readonly choice: PlatformChoice;
  /** Which image of an index is rather meant, by its ID. Default: the best one. */
  readonly isMeant?: ((id: Digest) => boolean) | undefined;
}

/** What the documents of an image say. */
type DescribedImage = Omit<InspectedImage, "reference" | "from" | "endpoint" | "passedOver">;

/** A manifest that was read. */
interface ReadManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly document: ImageManifest;
}

/** Tells what an image consists of. Throws what `read` throws and `Distribution.inspect` says of documents. */
export async function describeImage(target: Descriptor, reading: ImageReading): Promise<DescribedImage> {
  const bytes = await reading.read(target);
  const { entries, chosen, own } = await lookInto(target, bytes, reading);
  const { config, layers } = chosen?.document ?? { config: undefined, layers: [] };
  const { configuration, configBytes } = await readConfig({ config, layers }, reading);
  const { diffIds, ...facts } = configuration ? configFactsOf(configuration) : NO_FACTS;
  const contents = [chosen?.descriptor, config, ...layers].flatMap((content) => content ?? []);
  const here = await presentAmong([...entries, ...contents], reading);
  const withPresence = (content: Descriptor) => ({ ...plain(content), isHere: here.has(content.digest) });
  const told = diffIds.length === layers.length ? diffIds : [];
  return {
    target: plain(target),
    manifests: entries.map(withPresence),
    platforms: platformsOf(entries, facts.platform),
    kind: configuration ? "image" : "artifact",
    manifest: chosen && plain(chosen.descriptor),
    id: config?.digest ?? target.digest,
    config: config && withPresence(config),
    layers: layers.map((layer, place) => ({ ...withPresence(layer), diffId: told[place] })),
    size: sizeOf(contents),
    artifactType: own?.artifactType,
    annotations: own?.annotations ?? {},
    subject: own?.subject,
    ...facts,
    documents: { target: bytes, manifest: chosen?.bytes, config: configBytes },
    configuration,
  };
}

/** What a target consists of. */
interface Inside {
  /** The manifests in it. */
  readonly entries: readonly Descriptor[];
  readonly chosen: ReadManifest | undefined;
  /** The document that says something about it: the chosen manifest's, or else its own. */
  readonly own: ImageManifest | ImageIndex | undefined;
}

async function lookInto(target: Descriptor, bytes: Uint8Array, reading: ImageReading): Promise<Inside> {
  const { mediaType } = target;
  if (isManifestType(mediaType)) {
    const document = parseManifest(bytes, mediaType);
    return { entries: [target], chosen: { descriptor: target, bytes, document }, own: document };
  }
  if (!isIndexType(mediaType)) return { entries: [], chosen: undefined, own: undefined };
  const index = parseIndex(bytes, mediaType);
  const chosen = await chooseManifest(index.manifests, target, reading);
  return { entries: index.manifests, chosen, own: chosen?.document ?? index };
}

/** The config of an image. */
async function readConfig(
  { config, layers }: { readonly config: Descriptor | undefined; readonly layers: readonly Descriptor[] },
  { read }: ImageReading,
): Promise<{ readonly configuration?: JsonObject; readonly configBytes?: Uint8Array }> {
  if (!config || !claimsToBeImage({ config, layers })) return {};
  const configBytes = await read(config);
  return { configBytes, configuration: parseConfigDocument(configBytes) };
}

/** The manifest of an index that is wanted. */
async function chooseManifest(
  manifests: readonly Descriptor[],
  index: Descriptor,
  reading: ImageReading,
): Promise<ReadManifest | undefined> {
  const { choice, isMeant } = reading;
  let first: ReadManifest | undefined;
  for await (const found of manifestsIn(manifests, reading)) {
    first ??= found;
    if (!isMeant || isMeant(found.document.config.digest)) return found;
  }
  if (first || !choice.specified) return first;
  const message = `no matching manifest for ${choice.wanted} in the manifest list entries`;
  throw new ErrNotFound(message, { digest: index.digest });
}

/** The manifests of an index that can be had, the best ones first. */
async function* manifestsIn(
  manifests: readonly Descriptor[],
  reading: ImageReading,
  depth = 1,
): AsyncGenerator<ReadManifest> {
  const { matcher, specified = false } = reading.choice;
  if (depth > MAX_GRAPH_DEPTH) return;
  for (const entry of bestFirst(manifests, matcher)) {
    if (specified && entry.platform && !matcher.match(entry.platform)) continue;
    const isIndex = isIndexType(entry.mediaType);
    if (!isIndex && !isManifestType(entry.mediaType)) continue;
    const bytes = await unlessAbsent(reading.read(entry));
    if (!bytes) continue;
    if (isIndex) yield* manifestsIn(parseIndex(bytes, entry.mediaType).manifests, reading, depth + 1);
    else yield { descriptor: entry, bytes, document: parseManifest(bytes, entry.mediaType) };
  }
}

/** Of an index that is here, not all manifests are. What a registry has not is its own failure, and ends the reading. */
async function unlessAbsent(reading: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error) && findError(error)?.endpoint === undefined) return undefined;
    throw error;
  }
}

/** What the entries of an index are for; where they do not say, what the config does. */
function platformsOf(entries: readonly Descriptor[], own: Platform | undefined): readonly string[] {
  const listed = entries.flatMap(({ platform }) => platform ?? []);
  const told = listed.length === 0 && own ? [own] : listed;
  return [...new Set(told.filter((platform) => !isNowhere(platform)).map(formatPlatform))];
}

function sizeOf(contents: readonly Descriptor[]): number {
  const sizes = new Map(contents.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Digests of those contents that are here. */
async function presentAmong(
  contents: readonly Descriptor[],
  { isHere, signal }: ImageReading,
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  const look = async (content: Descriptor): Promise<void> => {
    if (await isHere(content)) found.add(content.digest);
  };
  await forEachWithin(contents, look, { limit: MAX_LOOKS, signal });
  return found;
}

/** A descriptor without the bytes that may have travelled in it. */
function plain({ data: _data, ...descriptor }: Descriptor): Descriptor {
  return descriptor;
}
