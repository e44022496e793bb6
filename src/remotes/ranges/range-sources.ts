import type { Digest } from "../../digest/digest.ts";
import type { Fetcher } from "../remote.ts";
import type { RangeShare, Ranges } from "./ranges.ts";

/** A repository that has a content. */
export interface RangeSource {
  readonly fetcher: Fetcher;
  /** Origin of the endpoint behind `fetcher`. */
  readonly endpoint: string;
}

/** What decides about sources. */
export interface RangeSourcesParts {
  readonly digest: Digest;
  readonly ranges: Ranges;
  readonly share: RangeShare;
  /** Opens others that may have it as well. */
  readonly beside?: (() => Promise<readonly RangeSource[]>) | undefined;
}

/**
 * Who is asked for parts of one content: the one that the attempt is made at, and others beside it. The others only help: without
 * them, and whatever they do, the first one is asked as if there were none.
 */
export class RangeSources {
  readonly first: RangeSource;
  readonly #parts: RangeSourcesParts;
  readonly #others = new Set<RangeSource>();
  #isLooking = false;
  #areKnown = false;

  constructor(first: RangeSource, parts: RangeSourcesParts) {
    this.first = first;
    this.#parts = parts;
  }

  /** Whether the others, if there are any, have been opened. */
  get areKnown(): boolean {
    return this.#areKnown;
  }

  /** Opens the others, once, and tells when that is done; those that cannot be are none. */
  lookBeside(onKnown: () => void): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const known = (others: readonly RangeSource[]): void => {
      for (const other of others) if (other.endpoint !== this.first.endpoint) this.#others.add(other);
      this.#areKnown = true;
      onKnown();
    };
    const { beside } = this.#parts;
    if (beside) void beside().then(known, () => known([]));
    else known([]);
  }

  /** Nothing more is asked of one of the others. */
  drop(source: RangeSource): void {
    this.#others.delete(source);
  }

  /** Whether parts may be asked for there. */
  allows(source: RangeSource): boolean {
    const { ranges, digest } = this.#parts;
    const isKnown = source === this.first || this.#others.has(source);
    return isKnown && source.fetcher.fetchPart !== undefined && ranges.allows(source.endpoint, digest);
  }

  /** Connections that there may be: one, where the first gives no parts. */
  get most(): number {
    if (!this.allows(this.first)) return 1;
    const room = this.#allowed.reduce((sum, source) => sum + this.#roomOf(source), 0);
    return Math.max(1, Math.min(this.#parts.share.most, room));
  }

  /** Where the next connection goes, when there are these: where there is most room for each that there would be. */
  next(lines: Iterable<{ readonly source: RangeSource }>): RangeSource {
    const counts = countBySource(lines);
    const after = (source: RangeSource): number => (counts.get(source) ?? 0) + 1;
    const free = this.#allowed.filter((source) => after(source) <= this.#roomOf(source));
    return free.toSorted((one, other) => after(one) - after(other))[0] ?? this.first;
  }

  /** Whether no source has more of these connections than this one: of too many, it is one of its own that goes. */
  hasMost(source: RangeSource, lines: Iterable<{ readonly source: RangeSource }>): boolean {
    const counts = countBySource(lines);
    return (counts.get(source) ?? 0) >= Math.max(...counts.values());
  }

  get #allowed(): readonly RangeSource[] {
    return [this.first, ...this.#others].filter((source) => this.allows(source));
  }

  #roomOf({ endpoint }: RangeSource): number {
    return this.#parts.share.roomAt(endpoint);
  }
}

function countBySource(lines: Iterable<{ readonly source: RangeSource }>): ReadonlyMap<RangeSource, number> {
  const counts = new Map<RangeSource, number>();
  for (const { source } of lines) counts.set(source, (counts.get(source) ?? 0) + 1);
  return counts;
}
