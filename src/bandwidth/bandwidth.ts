import { abortable } from "../async/abort.ts";
import { type Clock, systemClock } from "../async/clock.ts";
import { Account } from "./account.ts";
import type { Direction, Flow, Outlet, TapEnd, YieldingFlow } from "./flow.ts";
import { Foreground } from "./foreground.ts";
import { Limit } from "./limit.ts";
import { LiveBandwidth } from "./live-bandwidth.ts";
import { OpenTap, type TapLimits } from "./open-tap.ts";
import type { Payer, Payers } from "./payers.ts";
import { Sharing } from "./sharing.ts";
import { type BandwidthLimit, Timetable } from "./timetable.ts";

/** How often it is looked whether a timetable has other rates by now, in milliseconds: the clock may be set, or the machine sleep. */
const LOOK_MS = 1_000;

/** How fast blobs may come and go. What is not named has no limit of its own; documents are not counted. */
export interface BandwidthLimits {
  /**
   * Of all bytes, each way.
   * @unit bytes per second
   * @defaultValue no limit; in `setBandwidth`: as it is
   * @example all: "10M"
   */
  readonly all?: BandwidthLimit | undefined;
  /**
   * Of one registry or mirror, by `host` or `host:port`, `docker.io` included, wherever it sends for the bytes.
   * @unit bytes per second
   * @defaultValue no limit; in `setBandwidth`: as they are
   * @example hosts: { "docker.io": "5M" }
   */
  readonly hosts?: Readonly<Record<string, BandwidthLimit>> | undefined;
  /**
   * Of those who have this `group`, together.
   * @unit bytes per second
   * @defaultValue no limit; in `setBandwidth`: as they are
   * @example groups: { "tenant-7": { down: "2M", up: "512k" } }
   */
  readonly groups?: Readonly<Record<string, BandwidthLimit>> | undefined;
}

/** How a pull or push takes part. */
export interface PayerOptions {
  /** A symbol stands for a group without a name. */
  readonly group: string | symbol;
  /** Its own limit. */
  readonly limit?: BandwidthLimit | LiveBandwidth | undefined;
}

/** What a transfer is limited by. */
export interface FlowOptions {
  readonly direction: Direction;
  /** Host of the endpoint, as `BandwidthLimits.hosts` has it. */
  readonly host: string;
  readonly payers: Payers;
}

interface TapOptions extends FlowOptions {
  /** Whether nothing may pass at present, for those that give way. */
  readonly hold?: () => boolean;
}

/**
 * How fast the bytes of an engine move: limits for all, for hosts, groups and single pulls and pushes, which may be changed
 * meanwhile. A transfer passes all limits that it has; one that several want passes those of the one among them who may have it
 * fastest, and counts for that one. What there is, is shared by groups, in a group by its pulls.
 */
export class Bandwidth {
  readonly #clock: Clock;
  readonly #sharings: Readonly<Record<Direction, Sharing>>;
  readonly #all: Limit;
  readonly #hosts = new Map<string, Limit>();
  readonly #groups = new Map<string, Limit>();
  readonly #own = new Set<Limit>();
  /** What each group has had that somebody has at present, and how many have it. */
  readonly #accounts = new Map<string | symbol, { readonly account: Account; holders: number }>();
  readonly #taps = new Map<OpenTap, TapOptions>();
  #watching: AbortController | undefined;
  /** Those to whom prefetches give way. */
  readonly foreground: Foreground;

  /** Throws `ErrInvalidArgument` for what are no limits. */
  constructor(limits: BandwidthLimits = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.foreground = new Foreground(clock);
    this.#sharings = { down: new Sharing(clock), up: new Sharing(clock) };
    this.#all = new Limit(Timetable.of(0), clock);
    this.set(limits);
  }

  /** Changes the limits that are named, at once; the others stay. Throws `ErrInvalidArgument`, and then changes none. */
  set({ all, hosts = {}, groups = {} }: BandwidthLimits): void {
    const whole = all === undefined ? undefined : Timetable.of(all);
    const ofHosts = timetables(hosts);
    const ofGroups = timetables(groups);
    if (whole) this.#all.set(whole);
    for (const [host, timetable] of ofHosts) this.#setNamed(this.#hosts, host.toLowerCase(), timetable);
    for (const [group, timetable] of ofGroups) this.#setNamed(this.#groups, group, timetable);
    this.#reviewAll();
  }

  /** Opens the account of a pull or push, to be disposed of at its end. Throws `ErrInvalidArgument` for what is no limit. */
  payer({ group, limit }: PayerOptions): Payer {
    const live = limit instanceof LiveBandwidth ? limit : undefined;
    const timetable = live ? live.timetable : Timetable.of((limit as BandwidthLimit | undefined) ?? 0);
    const own = limit === undefined ? undefined : new Limit(timetable, this.#clock);
    if (own) this.#own.add(own);
    const stop = live?.onChange((changed) => {
      own?.set(changed);
      this.#reviewAll();
    });
    const held = this.#accounts.get(group) ?? { account: new Account(), holders: 0 };
    this.#accounts.set(group, held);
    held.holders++;
    return {
      group: typeof group === "string" ? group : undefined,
      accounts: [held.account, new Account()],
      limit: own,
      [Symbol.dispose]: () => {
        stop?.();
        if (own) this.#own.delete(own);
        held.holders--;
        if (held.holders === 0) this.#accounts.delete(group);
      },
    };
  }

  /** What limits the bytes of one transfer. */
  flow(options: FlowOptions): Flow {
    return { open: (tap) => this.#open(tap, options) };
  }

  /** What limits the bytes of a transfer that gives way. @param onCut breaks the transfer off */
  yieldingFlow(options: FlowOptions, onCut: () => void): YieldingFlow {
    const { payers } = options;
    const isHeld = (): boolean => this.mustYield(payers);
    let taps = 0;
    let wasHeld = false;
    const hold = (): boolean => {
      const held = isHeld();
      wasHeld ||= held;
      return held;
    };
    return {
      get isHeld() {
        return isHeld();
      },
      get wasHeld() {
        return wasHeld;
      },
      get isFlowing() {
        return taps > 0;
      },
      cut: onCut,
      open: (end) => {
        taps++;
        const outlet = this.#open(end, { ...options, hold });
        let isOpen = true;
        return {
          ask: (mostBytes) => outlet.ask(mostBytes),
          close: (unspentBytes) => {
            if (isOpen) taps--;
            isOpen = false;
            outlet.close(unspentBytes);
          },
        };
      },
    };
  }

  /** Whether a transfer that gives way has to now. */
  mustYield(payers: Payers): boolean {
    return payers.isYielding && this.foreground.isBusy;
  }

  /** Resolves when `mustYield` says so. Rejects with the abort error. */
  async untilYields(payers: Payers, must: boolean, signal: AbortSignal): Promise<void> {
    const reached = Promise.withResolvers<void>();
    const look = (): void => {
      if (this.mustYield(payers) === must) reached.resolve();
    };
    const stops = [payers.onChange(look), this.foreground.onChange(look)];
    look();
    try {
      await abortable(reached.promise, signal);
    } finally {
      for (const stop of stops) stop();
    }
  }

  #open(end: TapEnd, options: TapOptions): Outlet {
    const tap = new OpenTap(end, this.#sharings[options.direction], () => {
      this.#taps.delete(tap);
      for (const stop of stops) stop();
      if (this.#taps.size === 0) this.#unwatch();
    });
    const review = (): void => tap.limit(this.#limitsOf(options));
    const stops = [options.payers.onChange(review)];
    if (options.hold) stops.push(this.foreground.onChange(review));
    this.#taps.set(tap, options);
    tap.limit(this.#limitsOf(options));
    void this.#watch();
    return tap;
  }

  #limitsOf({ direction, host, payers, hold }: TapOptions): TapLimits {
    const payer = this.#payerOf(payers, direction);
    const limits = [this.#all, this.#hosts.get(host), payer?.limit, this.#groupLimitOf(payer)];
    const buckets = limits.flatMap((limit) => limit?.bucket(direction) ?? []);
    const isHeld = hold?.() === true;
    return { buckets: buckets.filter(({ rate }) => Number.isFinite(rate)), payer, isHeld };
  }

  #groupLimitOf({ group }: Partial<Payer> = {}): Limit | undefined {
    return group === undefined ? undefined : this.#groups.get(group);
  }

  /** Of several the one who may have it fastest. */
  #payerOf({ all }: Payers, direction: Direction): Payer | undefined {
    let best: Payer | undefined;
    let bestRate = -1;
    for (const payer of all) {
      const rate = Math.min(rateOf(payer.limit, direction), rateOf(this.#groupLimitOf(payer), direction));
      if (rate > bestRate) [best, bestRate] = [payer, rate];
      if (rate === Number.POSITIVE_INFINITY) break; // thousands may want the same
    }
    return best;
  }

  #setNamed(limits: Map<string, Limit>, name: string, timetable: Timetable): void {
    const known = limits.get(name);
    if (known) known.set(timetable);
    else limits.set(name, new Limit(timetable, this.#clock));
  }

  #reviewAll(): void {
    for (const [tap, options] of this.#taps) tap.limit(this.#limitsOf(options));
    void this.#watch();
  }

  #timetables(): readonly Limit[] {
    const all = [this.#all, ...this.#hosts.values(), ...this.#groups.values(), ...this.#own];
    return all.filter(({ changes }) => changes);
  }

  /** Looks at the time of day while bytes move and it matters. */
  async #watch(): Promise<void> {
    if (this.#watching || this.#taps.size === 0 || this.#timetables().length === 0) return;
    const watching = new AbortController();
    this.#watching = watching;
    const { signal } = watching;
    while (!signal.aborted && this.#timetables().length > 0) {
      if (this.#timetables().filter((limit) => limit.lookAtClock()).length > 0) this.#reviewAll();
      await this.#clock.sleep(LOOK_MS, { signal }).catch(() => {}); // nothing moves any more
    }
    if (!signal.aborted) this.#unwatch();
  }

  #unwatch(): void {
    this.#watching?.abort();
    this.#watching = undefined;
  }
}

function rateOf(limit: Limit | undefined, direction: Direction): number {
  return limit?.bucket(direction).rate ?? Number.POSITIVE_INFINITY;
}

function timetables(
  limits: Readonly<Record<string, BandwidthLimit>>,
): readonly (readonly [string, Timetable])[] {
  return Object.entries(limits).map(([name, limit]) => [name, Timetable.of(limit)] as const);
}
