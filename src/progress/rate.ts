/** Over how long the rate is measured, in milliseconds: long enough for a slow line to tell something, short enough to follow one. */
const WINDOW_MS = 5_000;

/** Least time between two marks, in milliseconds: it bounds how many are kept. */
const MARK_MS = 100;

interface Mark {
  readonly atMs: number;
  readonly bytes: number;
}

/** How fast bytes came in the last seconds. */
export class Rate {
  /** Oldest first; the last one is moved on until it is `MARK_MS` away from the one before. */
  readonly #marks: Mark[] = [];

  /** There are so many bytes by now. */
  note(bytes: number, atMs: number): void {
    const [before, last] = this.#marks.slice(-2);
    if (before && last && last.atMs - before.atMs < MARK_MS) this.#marks.pop();
    this.#marks.push({ atMs, bytes });
    this.#forget(atMs);
  }

  /** Bytes in a second, from one mark to another: what has come since the last one is not known. 0 when nothing comes. */
  bytesPerSecond(nowMs: number): number {
    this.#forget(nowMs);
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    if (!first || !last) return 0;
    const untilMs = nowMs - last.atMs < WINDOW_MS ? last.atMs : nowMs;
    return untilMs > first.atMs ? ((last.bytes - first.bytes) * 1_000) / (untilMs - first.atMs) : 0;
  }

  /** Marks that are too old go, but the last one before the window, which is where it begins. */
  #forget(nowMs: number): void {
    while ((this.#marks[1]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - WINDOW_MS) this.#marks.shift();
  }
}
