import { ErrInvalidArgument } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Levels below the descriptors that a walk starts from. Real images need two (index, manifest); attestations three. */
export const MAX_GRAPH_DEPTH = 8;

/** Descriptors that one walk visits. An index of every platform Docker knows with 127 layers each stays below it. */
export const MAX_GRAPH_DESCRIPTORS = 16_384;

/** A descriptor on its way through a walk, and how it was reached. */
export interface Visit {
  readonly descriptor: Descriptor;
  readonly parent?: Visit;
  readonly depth: number;
}

/**
 * Keeps a hostile graph from growing without end, which containerd's walk does not: bounds its depth and size, refuses
 * cycles, and lets every descriptor through once however many parents it has.
 */
export class GraphGuard {
  readonly #seen = new Set<string>();

  /** The visits below `parent` that were not made before. Throws `ErrInvalidArgument` at a bound or a cycle. */
  enter(descriptors: readonly Descriptor[], parent?: Visit): readonly Visit[] {
    const depth = parent ? parent.depth + 1 : 0;
    const visits: Visit[] = [];
    for (const descriptor of descriptors) {
      this.#check(descriptor, parent, depth);
      const key = `${descriptor.mediaType} ${descriptor.digest}`;
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      visits.push(parent ? { descriptor, parent, depth } : { descriptor, depth });
    }
    return visits;
  }

  #check(descriptor: Descriptor, parent: Visit | undefined, depth: number): void {
    const { digest } = descriptor;
    if (depth > MAX_GRAPH_DEPTH) throw refuse(digest, `nested deeper than ${MAX_GRAPH_DEPTH} levels`);
    if (this.#seen.size >= MAX_GRAPH_DESCRIPTORS) {
      throw refuse(digest, `more than ${MAX_GRAPH_DESCRIPTORS} descriptors`);
    }
    for (let above = parent; above; above = above.parent) {
      if (above.descriptor.digest === digest) throw refuse(digest, "it contains itself");
    }
  }
}

function refuse(digest: string, reason: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`walk image graph at ${digest}: ${reason}`, { digest });
}
