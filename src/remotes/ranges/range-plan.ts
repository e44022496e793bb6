import { type ByteRange, ByteRanges } from "../../content/byte-ranges.ts";
import { Claim } from "./claim.ts";

/** A claim that may be made on what another one has claimed already, once it is known that it will be served. */
export interface Takeover {
  readonly claim: Claim;
  readonly from: Claim;
}

/**
 * Which parts of a content are missing, and who brings them. Every byte that is not there is free or belongs to one claim. Free ones
 * are given out from the front, so that what is hashed, and read along, in order follows closely behind what comes.
 */
export class RangePlan {
  readonly size: number;
  /** What nobody brings. */
  #free: ByteRanges;
  readonly #claims = new Set<Claim>();
  /** Claims that somebody is about to take something of. */
  readonly #coveted = new Set<Claim>();

  /** @param there what need not come, in any order */
  constructor(size: number, there: readonly ByteRange[]) {
    this.size = size;
    this.#free = new ByteRanges(new ByteRanges(there).missing({ from: 0, to: size }));
  }

  /** What somebody brings at present. */
  get claims(): ReadonlySet<Claim> {
    return this.#claims;
  }

  /** Bytes that nobody brings yet. */
  get freeBytes(): number {
    return this.#free.bytes;
  }

  /** Bytes that have not come. */
  get leftBytes(): number {
    return [...this.#claims].reduce((sum, { left }) => sum + left, this.freeBytes);
  }

  /** Whether there is nothing left to be brought. */
  get isDone(): boolean {
    return this.#free.list.length === 0 && this.#claims.size === 0;
  }

  /** Claims the first free bytes, so many at most and no others behind a gap; `undefined` where none are free. */
  take(bytes: number): Claim | undefined {
    const [first, ...others] = this.#free.list;
    if (!first) return undefined;
    const end = Math.min(first.to, first.from + bytes);
    this.#free = new ByteRanges([{ from: end, to: first.to }, ...others]);
    return this.#add(Claim.of(first.from, end));
  }

  /** Claims everything from the first free byte to the end, also what is there: for who can be asked for nothing else. */
  takeAll(): Claim | undefined {
    const [first] = this.#free.list;
    if (!first) return undefined;
    this.#free = new ByteRanges();
    return this.#add(Claim.of(first.from, this.size));
  }

  /**
   * Offers what `from` has claimed behind `at`, so many bytes at most, to somebody else; `undefined` when that is nothing, or is offered
   * already. It stays with `from` until the offer is accepted; until then it has to be accepted or declined.
   */
  offer(from: Claim, at: number, bytes: number): Takeover | undefined {
    const start = Math.max(at, from.reached);
    const end = Math.min(from.end, start + bytes);
    if (end <= start || !this.#claims.has(from) || this.#coveted.has(from)) return undefined;
    this.#coveted.add(from);
    return { claim: Claim.of(start, end), from };
  }

  /** Whether somebody is about to take something of a claim. */
  isOffered(claim: Claim): boolean {
    return this.#coveted.has(claim);
  }

  /**
   * Gives what was offered to who took it, and sets free what lies behind. What has come meanwhile comes twice. Returns whether it
   * was worth it: if not, all of it is there, or with somebody else.
   */
  accept({ claim, from }: Takeover): boolean {
    this.#coveted.delete(from);
    const before = this.#claims.has(from) ? from.end : 0;
    if (before <= claim.start || from.reached >= claim.end) return false;
    claim.end = Math.min(claim.end, before);
    from.end = Math.max(from.reached, claim.start);
    this.#add(claim);
    this.#free.add({ from: claim.end, to: before });
    return true;
  }

  /** What was offered stays where it is. */
  decline({ from }: Takeover): void {
    this.#coveted.delete(from);
  }

  /** Nothing more comes of a claim: what has not is free. */
  release(claim: Claim): void {
    if (!this.#claims.delete(claim)) return;
    this.#free.add({ from: claim.reached, to: claim.end });
  }

  #add(claim: Claim): Claim {
    this.#claims.add(claim);
    return claim;
  }
}
