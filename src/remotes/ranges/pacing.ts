import type { Claim } from "./claim.ts";

/** How long a range may take at the rate of its connection, in milliseconds: others could have the end of it sooner. */
const PIECE_MS = 2_000;

/** Most bytes of a range: with sixteen of them on their way, the disk cache still holds what the hash has to come back for. */
const MAX_PIECE_BYTES = 32 * 1024 * 1024;

/**
 * Bytes that ranges ask for at once, over all connections of a content: less than a hundredth of a layer of ten gigabytes. Kernels take
 * in all of that, up to 32 MB for each connection, when the process does not keep up, and it is lost when that is killed.
 */
const MAX_ON_THE_WAY_BYTES = 80_000_000;

/** As long as so many of its round trips a range lasts in any case: each one begins with one, in which nothing comes. */
const ROUND_TRIPS = 20;

/** Ranges that what is left is good for, for each connection, at least: towards the end they get smaller, to be over together. */
const PIECES_LEFT = 2;

/**
 * How long it has, in milliseconds, until its rate is taken for what it will stay, when nothing is left but to share what others do: that
 * takes nothing away that it could bring in time.
 */
const SHARED_AFTER_MS = 300;

/** A connection whose rate is less than this part of that of another one is left. */
const SLOW_PART = 0.25;

/** A range at its end may be smaller than others by this, when somebody has nothing else to do. */
const LAST_PART = 1 / 16;

/** Steps of measuring that what is left has to last for, before more connections are worth it. */
const WORTH_STEPS = 20;

/**
 * The same for what one connection is still to bring, for another one that has nothing to do to share it; and answers of that one that it
 * has to last for. Whoever has more than this left at the end lets all the others wait.
 */
const SHARED_STEPS = 2;
const SHARED_ANSWERS = 8;

/** What is taken of a connection begins behind what it brings until there is an answer, were that to take so many times as long as before. */
const ANSWER_MARGIN = 1.5;

/** What a connection is doing, as far as others may help. */
export interface Pace {
  readonly claim: Claim;
  /** Bytes per second, of late. */
  readonly rate: number;
  /** How long ago its request was sent, in milliseconds. */
  readonly ageMs: number;
}

/** What decides about sizes. */
export interface PacingOptions {
  /** Least bytes of a range. */
  readonly pieceBytes: number;
  /** How long a rate is measured, in milliseconds. */
  readonly stepMs: number;
}

/** A part of a claim that somebody else should bring. */
export interface Cut {
  readonly from: Claim;
  /** Where the part begins. */
  readonly at: number;
  readonly bytes: number;
  /** Whether nothing more is to be expected of who has it. */
  readonly isLeft: boolean;
}

/** What is known of a connection that is to bring something. */
export interface LineSpeed {
  /** Bytes per second. */
  readonly rate: number;
  /** How long its requests take to be answered, in milliseconds; 0: nothing is known of that. */
  readonly latencyMs: number;
}

/** What the connections of a content share. */
export interface Sharing {
  /** Bytes that are missing. */
  readonly leftBytes: number;
  /** How many connections there are. */
  readonly lines: number;
}

/** What a connection can bring next. */
export interface Capacity {
  /** Bytes per second. */
  readonly rate: number;
  /** Bytes of the next range. */
  readonly bytes: number;
  /** Bytes of a range when much is missing. */
  readonly fullBytes: number;
  /** How long its requests take to be answered, in milliseconds; 0: nothing is known of that. */
  readonly latencyMs: number;
}

/** What a connection can bring next. */
export function capacityOf(
  { rate, latencyMs }: LineSpeed,
  { leftBytes, lines }: Sharing,
  { pieceBytes }: PacingOptions,
): Capacity {
  const share = Math.max(MAX_ON_THE_WAY_BYTES / lines, (rate * latencyMs * ROUND_TRIPS) / 1_000);
  const most = Math.min(share, bytesOfPiece(rate), MAX_PIECE_BYTES);
  const fullBytes = Math.max(pieceBytes, Math.ceil(most));
  const bytes = Math.max(pieceBytes, Math.min(fullBytes, Math.ceil(leftBytes / (PIECES_LEFT * lines))));
  return { rate, bytes, fullBytes, latencyMs };
}

/** Bytes that come while a range may last. */
function bytesOfPiece(rate: number): number {
  return (rate * PIECE_MS) / 1_000;
}

/** Whether what is missing takes so long at a rate that more connections are worth it. */
export function isWorthMore(leftBytes: number, rate: number, { pieceBytes, stepMs }: PacingOptions): boolean {
  return leftBytes >= 2 * pieceBytes && takesMs(leftBytes, rate) >= WORTH_STEPS * stepMs;
}

/**
 * What a connection of `rate` takes over from the slowest of the others, if that is far slower: a range of it. The rest is for whoever
 * comes next.
 *
 * @param patienceMs how long each has, from its request on, before it is judged
 */
export function cutFromSlow(
  paces: readonly Pace[],
  { rate, bytes }: Pick<Capacity, "rate" | "bytes">,
  patienceMs: number,
): Cut | undefined {
  const slow = paces.filter((pace) => pace.ageMs >= patienceMs && pace.rate < rate * SLOW_PART);
  const [slowest] = slow.toSorted((one, other) => one.rate - other.rate);
  if (!slowest) return undefined;
  const { claim: from } = slowest;
  return { from, at: from.reached, bytes, isLeft: true };
}

/**
 * What a connection of `rate` takes of the work of others when nothing is free: of that which would be over last, so much that both
 * are over at the same time, and no more than a range of it.
 */
export function cutFromLast(
  paces: readonly Pace[],
  { rate, bytes, fullBytes, latencyMs }: Capacity,
  { pieceBytes, stepMs, fastestAnswerMs }: PacingOptions & { readonly fastestAnswerMs: number },
): Cut | undefined {
  const leastMs = Math.max(SHARED_STEPS * stepMs, SHARED_ANSWERS * latencyMs);
  const expected = paces.map((pace) => ({ ...pace, rate: expectedRate(pace, rate) }));
  const long = expected.filter(({ claim, rate: own }) => {
    const isLarge = claim.left >= 2 * pieceBytes * LAST_PART;
    return isLarge && takesMs(claim.left, own) >= leastMs;
  });
  const [last] = long.toSorted(
    (one, other) => takesMs(other.claim.left, other.rate) - takesMs(one.claim.left, one.rate),
  );
  if (!last) return undefined;
  const { claim: from, rate: own } = last;
  const kept = own + rate > 0 ? own / (own + rate) : 0.5;
  const untilAnswered = (own * fastestAnswerMs * ANSWER_MARGIN) / 1_000;
  const mostAhead = Math.max(pieceBytes, Math.min(Math.max(fullBytes, untilAnswered), bytesOfPiece(own)));
  const ahead = Math.min(Math.ceil(from.left * kept), mostAhead);
  const at = from.reached + Math.floor(ahead);
  return at < from.end ? { from, at, bytes, isLeft: false } : undefined;
}

/** One that has only begun will come to what others have. */
function expectedRate({ rate, ageMs }: Pace, others: number): number {
  return ageMs < SHARED_AFTER_MS ? Math.max(rate, others) : rate;
}

function takesMs(bytes: number, rate: number): number {
  return rate > 0 ? (bytes * 1_000) / rate : Number.POSITIVE_INFINITY;
}
