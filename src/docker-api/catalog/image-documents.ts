import type { AbortOptions } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { readDocument } from "../../images/children.ts";
import type { Descriptor, Platform } from "../../oci/descriptor.ts";
import { isConfigType, isIndexType, isManifestType } from "../../oci/media-types.ts";
import type { ImageIndex, ImageManifest } from "../../oci/parse-document.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../oci/parse-image-config.ts";
import { containerMatcher, only, type PlatformMatcher } from "../../platform/matcher.ts";
import { ConfigView } from "./config-view.ts";

/** Most documents that are remembered: each takes some KiB, and what was forgotten is read again. */
const MAX_DOCUMENTS = 2_000;

/** Deepest nesting of indexes that is looked into. */
const MAX_DEPTH = 3;

/** One image below a name. */
export interface FoundManifest {
  readonly descriptor: Descriptor;
  readonly config: Descriptor;
  /** Lowest first. */
  readonly layers: readonly Descriptor[];
}

/** What an image's config says. */
export interface FoundConfig {
  readonly view: ConfigView;
  readonly platform: Platform;
  /** Digests of the uncompressed layers, lowest first. */
  readonly diffIds: readonly Digest[];
}

/** The documents of the images that are here, each read once. */
export class ImageDocuments {
  readonly #content: Store;
  readonly #documents = new BoundedMap<Digest, ImageManifest | ImageIndex>(MAX_DOCUMENTS);
  readonly #configs = new BoundedMap<Digest, FoundConfig>(MAX_DOCUMENTS);

  constructor(content: Store) {
    this.#content = content;
  }

  /** The images below a target whose manifests are here, in the order of the index. What cannot be read counts as absent. */
  async manifests(target: Descriptor, options: AbortOptions = {}): Promise<readonly FoundManifest[]> {
    return await this.#manifests(target, options, MAX_DEPTH);
  }

  /**
   * The image below a target that a container would be made of: the best one for `platform`, by default for this machine, and of
   * those that are not for it the first one. `undefined` where no manifest is here, or none for a platform that was asked for.
   */
  async manifest(
    target: Descriptor,
    { platform, ...options }: AbortOptions & { readonly platform?: Platform | undefined } = {},
  ): Promise<FoundManifest | undefined> {
    const found = await this.manifests(target, options);
    const matcher = platform === undefined ? containerMatcher() : only(platform);
    const graded: { readonly manifest: FoundManifest; readonly platform: Platform | undefined }[] = [];
    for (const manifest of found)
      graded.push({ manifest, platform: await this.#platformOf(manifest, options) });
    const best = graded
      .filter((one) => one.platform !== undefined && matcher.match(one.platform))
      .toSorted((a, b) => compare(matcher, a.platform, b.platform))[0];
    if (best) return best.manifest;
    return platform === undefined
      ? graded.find((one) => one.platform?.os !== "unknown")?.manifest
      : undefined;
  }

  /** The config of an image; `undefined` for an artifact, and where it cannot be read. */
  async config(config: Descriptor, { signal }: AbortOptions = {}): Promise<FoundConfig | undefined> {
    if (!isConfigType(config.mediaType)) return undefined;
    const known = this.#configs.get(config.digest);
    if (known) return known;
    const found = await readable(async () => {
      const bytes = await readBlob(this.#content, config, { maxBytes: MAX_CONFIG_BYTES, signal });
      const view = new ConfigView(JSON.parse(Buffer.from(bytes).toString()));
      return { ...parseImageConfig(bytes), view };
    }, signal);
    if (found) this.#configs.set(config.digest, found);
    return found;
  }

  async #manifests(
    target: Descriptor,
    options: AbortOptions,
    depth: number,
  ): Promise<readonly FoundManifest[]> {
    const document = await readable(() => this.#document(target, options), options.signal);
    if (!document) return [];
    if (document.kind === "manifest") {
      return [{ descriptor: target, config: document.config, layers: document.layers }];
    }
    const found: FoundManifest[] = [];
    for (const entry of depth > 0 ? document.manifests : []) {
      found.push(...(await this.#manifests(entry, options, depth - 1)));
    }
    return found;
  }

  async #document(
    target: Descriptor,
    options: AbortOptions,
  ): Promise<ImageManifest | ImageIndex | undefined> {
    if (!isManifestType(target.mediaType) && !isIndexType(target.mediaType)) return undefined;
    await this.#content.info(target.digest, options); // what is remembered may be gone by now
    const known = this.#documents.get(target.digest);
    if (known) return known;
    const document = await readDocument(this.#content, target, options);
    this.#documents.set(target.digest, document);
    return document;
  }

  async #platformOf(
    { descriptor, config }: FoundManifest,
    options: AbortOptions,
  ): Promise<Platform | undefined> {
    return descriptor.platform ?? (await this.config(config, options))?.platform;
  }
}

function compare(matcher: PlatformMatcher, a: Platform | undefined, b: Platform | undefined): number {
  if (!a || !b) return 0;
  return matcher.less(a, b) ? -1 : Number(matcher.less(b, a));
}

/** One image that is damaged, or here in part, is no reason to show none. */
async function readable<T>(read: () => Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (signal?.aborted) throw error;
    if (isDrayageError(error)) return undefined;
    throw error;
  }
}
