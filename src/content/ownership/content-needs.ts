import type { Digest } from "../../digest/digest.ts";
import { ErrFailedPrecondition } from "../../errors/classes.ts";
import type { NameReferences } from "./name-references.ts";
import type { NamespaceHolders } from "./sweeper.ts";

/** Who may need content. */
export interface ContentNeedsParts {
  readonly names: NameReferences;
  /** Absent where no namespaces share the blobs. */
  readonly namespaces: NamespaceHolders | undefined;
}

/** What names and namespaces of a root need, as things are when it is asked. All throw as `NameReferences.roots` does. */
export class ContentNeeds {
  readonly #names: NameReferences;
  readonly #namespaces: NamespaceHolders | undefined;

  constructor({ names, namespaces }: ContentNeedsParts) {
    this.#names = names;
    this.#namespaces = namespaces;
  }

  /** Whether a name or a namespace needs content. */
  async needs(): Promise<(digest: Digest) => Promise<boolean>> {
    const named = await this.#names.reach(await this.#names.roots());
    return async (digest) => named.has(digest) || (await this.#namespaces?.holder(digest)) !== undefined;
  }

  /** Whether a name leads to content, needed as a blob or not. */
  async mentions(): Promise<(digest: Digest) => boolean> {
    const roots = await this.#names.roots();
    const named = await this.#names.reach(roots.map((root) => ({ ...root, needsLayers: true })));
    return (digest) => named.has(digest);
  }

  /** Throws `ErrFailedPrecondition`, naming the image or the namespace, when one needs a blob that is to be deleted. */
  async refuseNeeded(digest: Digest): Promise<void> {
    const name = await this.#names.holder(digest);
    if (name !== undefined) throw needed(digest, `image ${name}`);
    const namespace = await this.#namespaces?.holder(digest);
    if (namespace !== undefined) throw needed(digest, `namespace ${namespace}`);
  }
}

function needed(digest: Digest, holder: string): ErrFailedPrecondition {
  return new ErrFailedPrecondition(`delete content ${digest}: ${holder} needs it`, { digest });
}
