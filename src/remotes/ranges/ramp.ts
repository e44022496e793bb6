/** What part of the gain that more connections could bring has to show for them to stay, unless the others are as fast as before. */
const LEAST_GAIN = 0.25;

/** What part of its rate before the fastest connection has to keep for it to be seen that the new ones take nothing away. */
const KEPT_RATE = 0.9;

/** How long the first byte over each connection is waited for before it is measured without them, in milliseconds. */
const STARTING_MS = 1_000;

/** How many times as many connections are tried at each step: sixteen are reached in two of them. */
const GROWTH = 4;

/**
 * What part of a step passes after new connections were begun before they are measured: servers that limit each let the first bytes of
 * each go at once, and the first of a long way are slow.
 */
const WARM_UP_STEPS = 1;

/** When it is tried again with more connections, after it has not helped, in milliseconds; each time twice as long. */
const FIRST_REST_MS = 2_000;

/** Steps that more connections have to show that they help: a machine or a line that is busy may stand still for one. */
const PATIENCE_STEPS = 16;

/**
 * What part of its time the thread that receives may be busy for more connections to be tried: with less than this left, twice as many
 * bring hardly more, and cost what every connection does.
 */
const MOST_BUSY = 0.6;

/** What a `Ramp` sees at one look. */
export interface RampLook {
  readonly nowMs: number;
  /** Bytes that have come, by connection. */
  readonly came: ReadonlyMap<object, number>;
  /** Whether something has come over each of them. */
  readonly allMove: boolean;
  /** For how long the thread that receives has been busy so far, in milliseconds. */
  readonly busyMs: number;
  /** For how long limits of bandwidth have held it back so far, in milliseconds. */
  readonly heldMs: number;
  /** How many there may be. */
  readonly most: number;
  /** Whether what is left takes long enough, at a rate in bytes per second, for others to help. */
  readonly isWorth: (rate: number) => boolean;
}

/** Bytes per second of one step. */
interface Rates {
  readonly all: number;
  readonly fastest: number;
}

/** What there was when the number was raised. */
interface Before {
  readonly wanted: number;
  readonly rates: Rates;
  readonly look: RampLook;
}

/**
 * How many connections a content is worth: one at first, `GROWTH` times as many as long as they bring more, and as many as before when they
 * do not. What is the limit (the line, the server for each connection, or this machine) shows in nothing but that. New ones that are
 * slow by themselves are told from a line that is full by the others, which are as fast as before. Where the thread that receives has hardly
 * a moment to spare, it is known without trying.
 */
export class Ramp {
  readonly #stepMs: number;
  #wanted = 1;
  /** Where measuring began; `undefined`: it has not. */
  #since: RampLook | undefined;
  /** Since when something is missing for the measuring to begin. */
  #waitingSinceMs: number | undefined;
  /** Until when it is not measured. */
  #warmUntilMs = 0;
  /** What there was before the number was raised, as long as it is not known whether that has helped. */
  #before: Before | undefined;
  #isAtMost = false;
  #restUntilMs = 0;
  #restMs = FIRST_REST_MS;

  /** @param stepMs how long the rate is measured before the number is changed; 0: it is raised without */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  /** Connections that are wanted. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Whether it may soon be seen that more are wanted. */
  isClimbingAt(nowMs: number): boolean {
    return !this.#isAtMost && nowMs >= this.#restUntilMs;
  }

  /** Looks how it goes, and changes what is wanted by that. */
  look(look: RampLook): void {
    const { nowMs, came, most } = look;
    this.#wanted = Math.min(this.#wanted, most);
    this.#isAtMost = this.#wanted >= most;
    const canMeasure = this.#canMeasure(look);
    const kept = this.#before && this.#ratesKept(this.#before, look);
    if (this.#before && kept) this.#goOn(kept, { look, since: this.#before.look });
    if (kept || !canMeasure) return;
    this.#since ??= look;
    const since = this.#since;
    const tookMs = nowMs - since.nowMs;
    if (tookMs < this.#stepMs) return;
    const rates = ratesOf(since.came, came, tookMs);
    if (this.#before && !this.#hasHelped(this.#before, rates)) {
      if (tookMs >= PATIENCE_STEPS * this.#stepMs) this.#goBack(this.#before.wanted, nowMs);
      return;
    }
    this.#goOn(rates, { look, since });
  }

  /** A connection has failed: perhaps there were too many. */
  failed(nowMs: number): void {
    this.#wanted = Math.max(1, Math.floor(this.#wanted / 2));
    this.#rest(nowMs);
  }

  #canMeasure({ nowMs, allMove }: RampLook): boolean {
    this.#waitingSinceMs = allMove ? undefined : (this.#waitingSinceMs ?? nowMs);
    const isReady = this.#waitingSinceMs === undefined || nowMs - this.#waitingSinceMs >= STARTING_MS;
    if (!isReady) this.#since = undefined;
    return isReady && nowMs >= this.#warmUntilMs;
  }

  /**
   * The rates since the number was raised, when everybody has something and those who were there before have lost nothing: what the new
   * ones bring is not waited for then. `undefined`: that cannot be said.
   */
  #ratesKept(before: Before, { nowMs, allMove, came }: RampLook): Rates | undefined {
    const tookMs = nowMs - before.look.nowMs;
    if (!allMove || tookMs < this.#stepMs) return undefined;
    const old = new Map([...came].filter(([line]) => before.look.came.has(line)));
    const { fastest } = ratesOf(before.look.came, old, tookMs);
    if (fastest < before.rates.fastest * KEPT_RATE) return undefined;
    this.#restMs = FIRST_REST_MS;
    return { all: fastest * came.size, fastest };
  }

  /** The number is right so far: it is raised where that is worth it. */
  #goOn(rates: Rates, { look, since }: { readonly look: RampLook; readonly since: RampLook }): void {
    this.#before = undefined;
    this.#since = look;
    const { nowMs, busyMs, heldMs, most, isWorth } = look;
    const mostMs = (nowMs - since.nowMs) * MOST_BUSY;
    const isBusy = this.#stepMs > 0 && busyMs - since.busyMs > mostMs;
    const isHeld = heldMs - since.heldMs > mostMs; // more of them would wait for the same limit
    if (isBusy || isHeld || nowMs < this.#restUntilMs || this.#wanted >= most) return;
    if (isWorth(rates.all)) this.#raise(rates, look);
  }

  #raise(rates: Rates, look: RampLook): void {
    const { most, nowMs } = look;
    const before = this.#wanted;
    this.#wanted = this.#stepMs === 0 ? most : Math.min(most, before * GROWTH);
    this.#before = this.#stepMs === 0 ? undefined : { wanted: before, rates, look };
    this.#since = undefined;
    this.#waitingSinceMs = undefined;
    this.#warmUntilMs = nowMs + this.#stepMs * WARM_UP_STEPS;
  }

  #hasHelped(before: { readonly wanted: number; readonly rates: Rates }, now: Rates): boolean {
    const possible = this.#wanted / before.wanted - 1;
    const hasGained = now.all >= before.rates.all * (1 + possible * LEAST_GAIN);
    const hasHelped = hasGained || now.fastest >= before.rates.fastest * KEPT_RATE;
    if (hasHelped) this.#restMs = FIRST_REST_MS;
    return hasHelped;
  }

  #goBack(wanted: number, nowMs: number): void {
    this.#wanted = Math.min(this.#wanted, wanted);
    this.#rest(nowMs);
  }

  #rest(nowMs: number): void {
    this.#before = undefined;
    this.#since = undefined;
    this.#restUntilMs = nowMs + this.#restMs;
    this.#restMs *= 2;
  }
}

function ratesOf(
  before: ReadonlyMap<object, number>,
  now: ReadonlyMap<object, number>,
  tookMs: number,
): Rates {
  if (tookMs <= 0) return { all: 0, fastest: 0 };
  const rates = [...now].map(([line, bytes]) => ((bytes - (before.get(line) ?? 0)) * 1_000) / tookMs);
  return { all: rates.reduce((sum, rate) => sum + rate, 0), fastest: Math.max(0, ...rates) };
}
