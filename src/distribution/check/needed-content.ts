import type { AbortOptions } from "../../async/abort.ts";
import { isContaining } from "../../content/containing-store.ts";
import { exists } from "../../content/exists.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { isCanceled, isDeadlineExceeded } from "../../errors/predicates.ts";
import { childrenHandler } from "../../images/children.ts";
import { ErrSkipDesc, type Handler } from "../../images/handler.ts";
import type { Image } from "../../images/image-store.ts";
import { isSourceLabel } from "../../images/source-label.ts";
import { walk } from "../../images/walk.ts";
import { needsLayerBlobs } from "../../oci/annotations.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType, isManifestType, isNonDistributable } from "../../oci/media-types.ts";
import { containerMatcher } from "../../platform/matcher.ts";
import { withoutUnpacked } from "./needed-layers.ts";
import type { Repairs } from "./repairs.ts";

/** What needed content is looked for with. */
export interface NeededContentParts {
  readonly content: Store;
  /** What hashing found to be wrong. */
  readonly damaged: ReadonlySet<Digest>;
  readonly repairs: Repairs;
  /** Whether a layer is unpacked, by its chain ID. */
  readonly isUnpacked: (chainId: Digest) => Promise<boolean>;
}

/** Finds what the names of a root need and have not. */
export class NeededContent {
  /** The names that need each piece of content that is damaged or missing. */
  readonly found: Map<Digest, Set<string>> = new Map();
  readonly #parts: NeededContentParts;
  readonly #children: Handler;

  constructor(parts: NeededContentParts) {
    this.#parts = parts;
    this.#children = childrenHandler(parts.content);
  }

  /** Walks down from one image. A document that is bad is repaired at once if it can be, because it says what is below. */
  async look({ name, target }: Image, options: AbortOptions): Promise<void> {
    const { repairs } = this.#parts;
    const needsLayers = needsLayerBlobs(target);
    const visit: Handler = async (descriptor, abort) => {
      const { digest, mediaType } = descriptor;
      const isDocument = isManifestType(mediaType) || isIndexType(mediaType);
      if (await this.#isBad(descriptor)) {
        if (isNonDistributable(mediaType)) return []; // registries do not have it, and pulls leave it where it is
        this.found.set(digest, (this.found.get(digest) ?? new Set()).add(name));
        if (!isDocument) repairs.later({ digest, descriptor, name });
        else if (!(await repairs.now({ digest, descriptor, name }))) throw ErrSkipDesc;
      }
      return isDocument ? await this.#below(descriptor, needsLayers, abort) : [];
    };
    await walk(visit, [target], options);
  }

  async #isBad({ digest }: Descriptor): Promise<boolean> {
    const { content, damaged, repairs } = this.#parts;
    if (repairs.outcomeOf(digest)?.repaired) return true; // another name needs it as well
    return damaged.has(digest) || !(await exists(content, digest));
  }

  async #below(
    descriptor: Descriptor,
    needsLayers: boolean,
    options: AbortOptions,
  ): Promise<readonly Descriptor[]> {
    let children: readonly Descriptor[];
    try {
      children = await this.#children(descriptor, options);
    } catch (error) {
      if (!isDrayageError(error) || isCanceled(error) || isDeadlineExceeded(error)) throw error;
      return []; // its bytes are right, so its author made an invalid document
    }
    if (isIndexType(descriptor.mediaType)) return await this.#expected(children);
    return needsLayers ? children : await withoutUnpacked(children, this.#parts, options);
  }

  /**
   * The entries of an index that were pulled: those that are there or were, which their source labels tell. When nothing
   * is known of any, the one that a pull would take.
   */
  async #expected(entries: readonly Descriptor[]): Promise<readonly Descriptor[]> {
    const known: Descriptor[] = [];
    for (const entry of entries) if (await this.#isKnown(entry)) known.push(entry);
    if (known.length > 0) return known;
    const matcher = containerMatcher();
    const [best] = entries
      .filter(({ platform }) => platform !== undefined && matcher.match(platform))
      .toSorted((a, b) => (a.platform && b.platform && matcher.less(a.platform, b.platform) ? -1 : 0));
    return best ? [best] : [];
  }

  async #isKnown({ digest }: Descriptor): Promise<boolean> {
    const { content, damaged } = this.#parts;
    if (damaged.has(digest) || (await exists(content, digest))) return true;
    if (!isContaining(content)) return false;
    return Object.keys(await content.knownLabels(digest)).some(isSourceLabel);
  }
}
