import type { Claim } from "./claim.ts";

/** How long a range should take at the rate of its connection, in milliseconds: long beside a round trip or two. */
const PIECE_MS = 2_000;

/** Most bytes of a range: with sixteen of them on their way, the disk cache still holds what the hash has to come back for. */
const MAX_PIECE_BYTES = 32 * 1024 * 1024;

/** Ranges that what is left is good for, for each connection, at least: towards the end they get smaller, to be over together. */
const PIECES_LEFT = 2;

/** How long a connection has, from its request on, before it is judged by how little has come, in milliseconds. */
export const JUDGE_MS = 1_000;

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

/** The same for what one connection is still to bring, for another one that has nothing to do to share it. */
const SHARED_STEPS = 8;

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

/** Bytes of the next range for a connection of this rate, when so many are missing and so many connections share them. */
export function nextPieceBytes(
  rate: number,
  { leftBytes, lines }: { readonly leftBytes: number; readonly lines: number },
  { pieceBytes }: PacingOptions,
): number {
  const wanted = Math.min(rangeBytes(rate), leftBytes / (PIECES_LEFT * lines));
  return Math.max(pieceBytes, Math.ceil(wanted));
}

/** Bytes of a range at a rate, as long as much is missing. */
function rangeBytes(rate: number): number {
  return Math.min((rate * PIECE_MS) / 1_000, MAX_PIECE_BYTES);
}

/** Whether what is missing takes so long at a rate that more connections are worth it. */
export function isWorthMore(leftBytes: number, rate: number, { pieceBytes, stepMs }: PacingOptions): boolean {
  return leftBytes >= 2 * pieceBytes && takesMs(leftBytes, rate) >= WORTH_STEPS * stepMs;
}

/**
 * What a connection of `rate` takes over from the slowest of the others, if that is far slower: a range of it. The rest is for whoever
 * comes next.
 */
export function cutFromSlow(
  paces: readonly Pace[],
  { rate, bytes }: { readonly rate: number; readonly bytes: number },
): Cut | undefined {
  const slow = paces.filter((pace) => pace.ageMs >= JUDGE_MS && pace.rate < rate * SLOW_PART);
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
  { rate, bytes }: { readonly rate: number; readonly bytes: number },
  options: PacingOptions,
): Cut | undefined {
  const { pieceBytes, stepMs } = options;
  const expected = paces.map((pace) => ({ ...pace, rate: expectedRate(pace, rate) }));
  const long = expected.filter(({ claim, rate: own }) => {
    const isLarge = claim.left >= 2 * pieceBytes * LAST_PART;
    return isLarge && takesMs(claim.left, own) >= SHARED_STEPS * stepMs;
  });
  const [last] = long.toSorted(
    (one, other) => takesMs(other.claim.left, other.rate) - takesMs(one.claim.left, one.rate),
  );
  if (!last) return undefined;
  const { claim: from, rate: own } = last;
  const kept = own + rate > 0 ? own / (own + rate) : 0.5;
  const ahead = Math.min(Math.ceil(from.left * kept), Math.max(pieceBytes, rangeBytes(own)));
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
