import type { Claim } from "./claim.ts";
import {
  type Capacity,
  type Cut,
  capacityOf,
  cutFromLast,
  cutFromSlow,
  type Pace,
  type PacingOptions,
} from "./pacing.ts";
import type { RangeLine } from "./range-line.ts";
import type { RangePatience } from "./range-patience.ts";
import type { RangePlan, Takeover } from "./range-plan.ts";

/** What a connection is to bring next. */
export interface Next {
  readonly claim: Claim;
  /** What it takes of the work of another one, of which nothing more is to be expected if that is left. */
  readonly takeover?: (Takeover & { readonly isLeft: boolean }) | undefined;
  /** Whether everything behind its start is asked for, of a server that may have no ranges. */
  readonly isOpen: boolean;
}

/** What there is of one content. */
export interface RangeChoiceParts {
  readonly plan: RangePlan;
  /** All connections, as they are at any time. */
  readonly lines: ReadonlySet<RangeLine>;
  readonly patience: RangePatience;
}

/** Chooses what the connections of one content bring. */
export class RangeChoice {
  readonly #plan: RangePlan;
  readonly #lines: ReadonlySet<RangeLine>;
  readonly #patience: RangePatience;
  readonly #options: PacingOptions;

  constructor({ plan, lines, patience }: RangeChoiceParts, options: PacingOptions) {
    this.#plan = plan;
    this.#lines = lines;
    this.#patience = patience;
    this.#options = options;
  }

  /** Whether a connection is far slower than another one, and nobody is about to take over what it has not brought. */
  hasSlow(nowMs: number): boolean {
    const fastest = { rate: this.#fastestRate, bytes: 1 };
    return this.#cutFromSlow(undefined, fastest, nowMs) !== undefined;
  }

  /** What another connection is far too slow for. */
  fromSlow(line: RangeLine, nowMs: number): Next | undefined {
    return this.#takeover(this.#cutFromSlow(line, this.#capacityOf(line), nowMs));
  }

  /** All that is missing, and what is there behind it: a server that gives no ranges sends it all. */
  everything(): Next | undefined {
    const claim = this.#plan.takeAll();
    return claim && { claim, isOpen: true };
  }

  /** The first hole as a whole. */
  allInOne(): Next | undefined {
    const { size } = this.#plan;
    const claim = this.#plan.take(size);
    return claim && { claim, isOpen: claim.end === size };
  }

  /** The next piece that nobody brings, or else a part of the one that would be here last. */
  piece(line: RangeLine, nowMs: number): Next | undefined {
    const capacity = this.#capacityOf(line);
    const claim = this.#plan.take(capacity.bytes);
    if (claim) return { claim, isOpen: false };
    const { fastestAnswerMs } = this.#patience;
    const options = { ...this.#options, fastestAnswerMs };
    return this.#takeover(cutFromLast(this.#pacesBeside(line, nowMs), capacity, options));
  }

  #cutFromSlow(
    line: RangeLine | undefined,
    capacity: Pick<Capacity, "rate" | "bytes">,
    nowMs: number,
  ): Cut | undefined {
    return cutFromSlow(this.#pacesBeside(line, nowMs), capacity, this.#patience.ms);
  }

  #capacityOf(line: RangeLine): Capacity {
    const speed = { rate: this.#rateOf(line), latencyMs: line.latencyMs };
    const sharing = { leftBytes: this.#plan.leftBytes, lines: this.#lines.size };
    return capacityOf(speed, sharing, this.#options);
  }

  /** What the others do, as far as something may be taken of it. */
  #pacesBeside(line: RangeLine | undefined, nowMs: number): readonly Pace[] {
    return [...this.#lines].flatMap((other) => {
      const pace = other === line ? undefined : other.paceAt(nowMs);
      return pace && pace.claim.left > 0 && !this.#plan.isOffered(pace.claim) ? [pace] : [];
    });
  }

  /** Bytes per second that may be expected of a connection: as many as of the fastest as long as nothing else is known. */
  #rateOf(line: RangeLine): number {
    return line.rate ?? this.#fastestRate;
  }

  get #fastestRate(): number {
    return Math.max(0, ...[...this.#lines].map(({ rate = 0 }) => rate));
  }

  #takeover(cut: Cut | undefined): Next | undefined {
    const offered = cut && this.#plan.offer(cut.from, cut.at, cut.bytes);
    if (!offered) return undefined;
    return { claim: offered.claim, takeover: { ...offered, isLeft: cut.isLeft }, isOpen: false };
  }
}
