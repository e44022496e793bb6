import type { Flow, Outlet, TapEnd } from "./flow.ts";

/** Lets the bytes of one body pass, as fast as its flow allows. */
export class Tap implements TapEnd {
  readonly #outlet: Outlet;
  #credit = 0;
  /** What was there after the last grant: of more than half of it there is no need to ask. */
  #granted = 0;
  #hasAsked = false;
  #waiting: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  /** The caller closes it. */
  constructor(flow: Flow) {
    this.#outlet = flow.open(this);
  }

  /**
   * How many of `bytes` may pass now: they are taken as passed. At none, `flowing` tells when there is more.
   *
   * @param mostBytes all that are yet to come, these included
   */
  take(bytes: number, mostBytes: number): number {
    const taken = Math.min(bytes, this.#credit);
    this.#credit -= taken;
    if (taken === 0 && bytes > 0) this.#waiting ??= Promise.withResolvers();
    const missing = mostBytes - taken - this.#credit;
    if (!this.#hasAsked && missing > 0 && this.#credit <= this.#granted / 2) {
      this.#hasAsked = true;
      this.#outlet.ask(missing);
    }
    return taken;
  }

  /** Resolves when something may pass, or the tap is closed. */
  get flowing(): Promise<void> {
    return this.#waiting?.promise ?? Promise.resolve();
  }

  open(): void {
    this.#credit = Number.POSITIVE_INFINITY;
    this.#granted = 0;
    this.#wake();
  }

  meter(): void {
    this.#credit = 0;
    this.#hasAsked = false;
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    this.#granted = this.#credit;
    this.#wake();
  }

  /** Nothing more will pass. Whoever waits is woken. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outlet.close(Number.isFinite(this.#credit) ? this.#credit : 0);
    this.#wake();
  }

  #wake(): void {
    this.#hasAsked = false;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
