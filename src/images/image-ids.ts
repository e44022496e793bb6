import type { AbortOptions } from "../async/abort.ts";
import { BoundedMap } from "../async/bounded-map.ts";
import type { InfoProvider, Provider } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isIndexType, isManifestType } from "../oci/media-types.ts";
import type { PlatformMatcher } from "../platform/matcher.ts";
import { readDocument } from "./children.ts";
import { bestFirst } from "./filters.ts";
import { MAX_GRAPH_DESCRIPTORS } from "./graph-guard.ts";
import { unlessUnreadable } from "./unless-unreadable.ts";

/** Targets whose ID is remembered: a few hundred bytes each, and as many as a large host has. */
const MAX_REMEMBERED = 16_384;

/** An image's ID, and whether it will be the same whatever else comes. */
interface FoundId {
  readonly id: Digest;
  readonly isFinal: boolean;
}

/**
 * The IDs of images, which are the digests of their configs, read from the store. What a document says never changes, so each one
 * is read once; only an index whose best image is not here is looked at again.
 */
export class ImageIds {
  readonly #content: Provider & InfoProvider;
  readonly #matcher: () => PlatformMatcher;
  readonly #remembered = new BoundedMap<Digest, Digest>(MAX_REMEMBERED);

  /** @param matcher which image of an index gives it its ID: the best one that is here, or else the first one */
  constructor(content: Provider & InfoProvider, matcher: () => PlatformMatcher) {
    this.#content = content;
    this.#matcher = matcher;
  }

  /** The ID of what a name points at; that of something of which no config can be told is its own digest. */
  async idOf(target: Descriptor, options: AbortOptions = {}): Promise<Digest> {
    const known = this.#remembered.get(target.digest);
    if (known !== undefined) return known;
    const found = await this.#bestId(target, new Set(), options);
    if (found?.isFinal) this.#remembered.set(target.digest, found.id);
    return found?.id ?? target.digest;
  }

  /** The IDs of all images below a target that are here. */
  async idsBelow(target: Descriptor, options: AbortOptions = {}): Promise<ReadonlySet<Digest>> {
    const ids = new Set<Digest>();
    const seen = new Set<Digest>();
    const left = [target];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const document = await this.#read(next, seen, options);
      if (document?.kind === "manifest") ids.add(document.config.digest);
      if (document?.kind === "index") left.push(...document.manifests);
    }
    return ids;
  }

  async #bestId(
    descriptor: Descriptor,
    seen: Set<Digest>,
    options: AbortOptions,
  ): Promise<FoundId | undefined> {
    const document = await this.#read(descriptor, seen, options);
    if (!document) return undefined;
    if (document.kind === "manifest") return { id: document.config.digest, isFinal: true };
    let isBest = true;
    for (const entry of bestFirst(document.manifests, this.#matcher())) {
      const found = await this.#bestId(entry, seen, options);
      if (found) return { id: found.id, isFinal: isBest && found.isFinal };
      isBest = false;
    }
    return undefined;
  }

  /** A manifest or an index that is here and was not read before. */
  async #read(descriptor: Descriptor, seen: Set<Digest>, options: AbortOptions) {
    const { digest, mediaType } = descriptor;
    if (seen.has(digest) || seen.size >= MAX_GRAPH_DESCRIPTORS) return undefined;
    seen.add(digest);
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
    return await unlessUnreadable(readDocument(this.#content, descriptor, options));
  }
}
