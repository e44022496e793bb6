import type { AbortOptions } from "../../async/abort.ts";
import { isContaining } from "../../content/containing-store.ts";
import type { Labels } from "../../content/labels/label-store.ts";
import { parseObject } from "../../content/ownership/document-references.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { Store } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import type { Digest } from "../../digest/digest.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { isCanceled, isDeadlineExceeded } from "../../errors/predicates.ts";
import { readDocument } from "../../images/children.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType, isManifestType, OCI_INDEX, OCI_MANIFEST } from "../../oci/media-types.ts";
import { childrenOf, MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import type { Repairs } from "./repairs.ts";

/** What content of namespaces is looked for with. */
export interface HeldContentParts {
  readonly content: Store;
  /** What hashing found to be wrong. */
  readonly damaged: ReadonlySet<Digest>;
  readonly repairs: Repairs;
}

/**
 * Finds what namespaces hold and have not: content that no name leads to. What one piece is, and how large, the documents say
 * that are held as well; where none does, a registry is asked for a document of that digest.
 */
export class HeldContent {
  readonly #parts: HeldContentParts;
  /** What documents say of what is below them. */
  readonly #described = new Map<Digest, Descriptor>();

  constructor(parts: HeldContentParts) {
    this.#parts = parts;
  }

  /** Returns what is damaged or missing. Throws the abort error, and what the store throws. */
  async look(options: AbortOptions): Promise<readonly Digest[]> {
    const { repairs } = this.#parts;
    const held = await this.#held();
    const bad: Digest[] = [];
    for (const digest of held.keys()) {
      if (await this.#isBad(digest)) bad.push(digest);
      else await this.#describe(digest, options);
    }
    const open = bad.filter((digest) => repairs.outcomeOf(digest)?.repaired !== true); // no name needed it as well
    for (const digest of open) {
      const descriptor = this.#described.get(digest);
      if (descriptor && !isDocument(descriptor)) continue;
      if (await repairs.now({ digest, descriptor, labels: held.get(digest) }))
        await this.#describe(digest, options);
    }
    for (const digest of open) {
      const descriptor = this.#described.get(digest);
      if (descriptor && !isDocument(descriptor))
        repairs.later({ digest, descriptor, labels: held.get(digest) });
    }
    return bad;
  }

  /** Everything that is held, with the labels of all its holders. */
  async #held(): Promise<ReadonlyMap<Digest, Labels>> {
    const { content } = this.#parts;
    const held = new Map<Digest, Labels>();
    if (!isContaining(content)) return held;
    for await (const { digest, labels } of content.heldByNamespaces()) {
      held.set(digest, { ...held.get(digest), ...labels });
    }
    return held;
  }

  async #isBad(digest: Digest): Promise<boolean> {
    const { content, damaged } = this.#parts;
    return damaged.has(digest) || (await unlessNotFound(content.info(digest))) === undefined;
  }

  /** What is no document, or none that we read, describes nothing. */
  async #describe(digest: Digest, options: AbortOptions): Promise<void> {
    try {
      const document = await this.#read(digest, options);
      for (const child of document ? childrenOf(document) : []) this.#described.set(child.digest, child);
    } catch (error) {
      if (!isDrayageError(error) || isCanceled(error) || isDeadlineExceeded(error)) throw error;
    }
  }

  async #read(digest: Digest, options: AbortOptions): Promise<Parameters<typeof childrenOf>[0] | undefined> {
    const { content } = this.#parts;
    const { size } = await content.info(digest, options);
    if (size > MAX_MANIFEST_BYTES) return undefined;
    const object = parseObject(await readBlob(content, { digest, size }, options));
    if (!object) return undefined;
    const { mediaType = "manifests" in object ? OCI_INDEX : OCI_MANIFEST } = object;
    if (typeof mediaType !== "string") return undefined;
    return isDocument({ mediaType })
      ? await readDocument(content, { digest, size, mediaType }, options)
      : undefined;
  }
}

function isDocument({ mediaType }: Pick<Descriptor, "mediaType">): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}
