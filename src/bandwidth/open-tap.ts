import type { Bucket } from "./bucket.ts";
import type { Outlet, TapEnd } from "./flow.ts";
import type { Payer } from "./payers.ts";
import type { Claim, Sharing } from "./sharing.ts";

/** What a tap is limited by at present. */
export interface TapLimits {
  /** None: it may have as much as comes. */
  readonly buckets: readonly Bucket[];
  /** On whose account. */
  readonly payer: Payer | undefined;
  /** Whether nothing may pass at all. */
  readonly isHeld: boolean;
}

/** A tap that bytes pass, where its limits are. */
export class OpenTap implements Outlet {
  readonly #tap: TapEnd;
  readonly #sharing: Sharing;
  readonly #onClosed: () => void;
  #limits: TapLimits | undefined;
  #claim: Claim | undefined;
  /** What it has asked for and not got. */
  #wantedBytes = 0;
  #isClosed = false;

  constructor(tap: TapEnd, sharing: Sharing, onClosed: () => void) {
    this.#tap = tap;
    this.#sharing = sharing;
    this.#onClosed = onClosed;
  }

  /** Takes what holds from now on; what was granted may still pass, unless it was without a limit before. */
  limit(limits: TapLimits): void {
    const wasOpen = isUnlimited(this.#limits);
    const isOpen = isUnlimited(limits);
    const isNew = this.#limits === undefined;
    this.#limits = limits;
    if (isOpen && wasOpen) return;
    if (isOpen) this.#tap.open();
    else if (limits.isHeld || isNew || wasOpen) this.#tap.meter();
    if (isOpen) this.#wantedBytes = 0;
    this.#withdraw();
    if (this.#wantedBytes > 0) this.ask(this.#wantedBytes);
  }

  ask(mostBytes: number): void {
    if (this.#isClosed || this.#claim || !this.#limits || isUnlimited(this.#limits)) return;
    this.#wantedBytes = mostBytes;
    if (this.#limits.isHeld) return;
    const claim: Claim = {
      ...this.#limits,
      mostBytes,
      grant: (bytes) => {
        this.#claim = undefined;
        this.#wantedBytes = 0;
        this.#tap.grant(bytes);
      },
    };
    this.#claim = claim;
    this.#sharing.add(claim);
  }

  close(unspentBytes: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#withdraw();
    if (this.#limits && unspentBytes > 0) this.#sharing.refund(this.#limits, unspentBytes);
    this.#onClosed();
  }

  #withdraw(): void {
    if (this.#claim) this.#sharing.remove(this.#claim);
    this.#claim = undefined;
  }
}

function isUnlimited(limits: TapLimits | undefined): boolean {
  return limits !== undefined && !limits.isHeld && limits.buckets.length === 0;
}
