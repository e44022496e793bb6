import { type AbortOptions, abortable } from "./abort.ts";
import { outside } from "./outside.ts";

/** How long a turn of the event loop may get by those who go on in it, in milliseconds: what others of the thread may wait. */
const TURN_MS = 3;

/** How long those who wait may take in a turn that others have made long, in milliseconds: they wait for no better times. */
const LEAST_MS = 1;

/** How many may go on in a turn without having waited: all of them ask before it shows what the first ones take. */
const MAX_UNHEARD = 16;

/** Most of those who wait that are let on in one turn, however little each takes. */
const MAX_AT_ONCE = 128;

/**
 * How far work has come: it begins, it has learnt what it needs, or it has what it needs and can be done with. What is nearer to its
 * end goes first, so that few are half done at a time, and what they hold is given back early.
 */
export type TurnStage = "begins" | "goesOn" | "finishes";

/** Those who wait for room, first come, first served among those of a stage. */
const lines: Readonly<Record<TurnStage, Array<() => void>>> = { begins: [], goesOn: [], finishes: [] };
const LATEST_FIRST = [lines.finishes, lines.goesOn, lines.begins];
const EARLIEST_FIRST = LATEST_FIRST.toReversed();

/** A turn of the event loop. */
interface Turn {
  /** When those who wait had gone on in the turn before. */
  readonly beganAt: number;
  /** How many have gone on in it without having waited. */
  unheard: number;
}

/** The immediates of one turn, in each of which one may go on who waits. */
interface Round {
  left: number;
  /** When the first one was called. */
  startedAt: number | undefined;
}

/** The present turn; `undefined`: nobody has gone on in it, or waits. */
let turn: Turn | undefined;

/**
 * For the beginning of work that thousands may begin at the same moment, because they were called so or because all have waited for
 * one thing: `undefined` while there is room in this turn of the event loop, and then something to wait for. Never rejects.
 */
export function turnRoom(stage: TurnStage = "begins"): Promise<void> | undefined {
  turn ??= beginTurn();
  const isRoom = turn.unheard < MAX_UNHEARD && performance.now() - turn.beganAt < TURN_MS;
  if (isRoom && LATEST_FIRST.every(({ length }) => length === 0)) {
    turn.unheard++;
    return undefined;
  }
  return new Promise((resolve) => lines[stage].push(resolve));
}

/** Waits until there is room, as `turnRoom` says. Rejects as `abortable` does, and at once, when the signal fires. */
export async function waitForRoom(stage: TurnStage, { signal }: AbortOptions = {}): Promise<void> {
  const room = turnRoom(stage);
  if (room) await abortable(room, signal);
}

/**
 * The outcome of `shared`, for which many may wait: each goes on with it when there is room. Rejects as `shared` does, or as
 * `abortable` does when the signal fires while it waits for room.
 */
export async function goOnInTurn<T>(
  shared: Promise<T>,
  stage: TurnStage,
  { signal }: AbortOptions = {},
): Promise<T> {
  try {
    return await shared;
  } finally {
    if (!signal?.aborted) await waitForRoom(stage, { signal });
  }
}

/**
 * Node does all that can be done at once between two immediates: so one of those who wait goes on in each, and what it takes shows
 * before the next one is let on.
 */
function beginTurn(): Turn {
  const waiting = LATEST_FIRST.reduce((sum, { length }) => sum + length, 0);
  const round: Round = { left: Math.max(1, Math.min(MAX_AT_ONCE, waiting)), startedAt: undefined };
  outside(() => {
    for (let at = round.left; at > 0; at--) setImmediate(onImmediate, round);
  });
  return { beganAt: performance.now(), unheard: 0 };
}

function onImmediate(round: Round): void {
  const now = performance.now();
  const isFirst = round.startedAt === undefined;
  round.startedAt ??= now;
  const isFull = now - round.startedAt >= LEAST_MS && now - (turn?.beganAt ?? now) >= TURN_MS;
  // One in each turn is of those who would otherwise be the last.
  if (!isFull) (isFirst ? EARLIEST_FIRST : LATEST_FIRST).find(({ length }) => length > 0)?.shift()?.();
  round.left--;
  if (round.left > 0) return;
  const isUsed = (turn?.unheard ?? 0) > 0 || LATEST_FIRST.some(({ length }) => length > 0);
  turn = isUsed ? beginTurn() : undefined;
}
