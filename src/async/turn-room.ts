import { outside } from "./outside.ts";

/** How long those who go on in one turn of the event loop may take together, in milliseconds: what others of the thread may wait. */
const TURN_MS = 8;

/** Most of those who wait that are let on in one turn, however little each takes. */
const MAX_AT_ONCE = 64;

/** Those who wait for room, first come, first served. */
const waiting: Array<() => void> = [];

/** When the first one went on in the present turn; `undefined`: nobody has. */
let began: number | undefined;

/** How many of those who wait go on in the next turn. */
let atOnce = 1;

/**
 * For the beginning of work that thousands may begin at the same moment, because they were called so or because all have waited for
 * one thing: `undefined` while there is room in this turn of the event loop, and then something to wait for. Never rejects.
 */
export function turnRoom(): Promise<void> | undefined {
  if (began === undefined) beginTurn();
  if (waiting.length === 0 && timeUsed() < TURN_MS) return undefined;
  return new Promise((resolve) => waiting.push(resolve));
}

function beginTurn(): void {
  began = performance.now();
  outside(() => setImmediate(onTurn));
}

function timeUsed(): number {
  return performance.now() - (began ?? 0);
}

function onTurn(): void {
  atOnce = timeUsed() < TURN_MS ? Math.min(MAX_AT_ONCE, 2 * atOnce) : Math.max(1, atOnce >> 1);
  const next = waiting.splice(0, atOnce);
  if (next.length === 0) {
    began = undefined;
    atOnce = 1;
    return;
  }
  beginTurn();
  for (const goOn of next) goOn();
}
