import type { Foreground } from "../bandwidth/foreground.ts";
import type { Payer } from "../bandwidth/payers.ts";

/** Who a slot is for, such as one pull: the same object each time. Those who share a group have their slots counted together. */
export interface Tenant {
  /** Default: a group of its own. */
  readonly group?: string | symbol | undefined;
  /** On whose account its bytes move. Default: nobody's. */
  readonly payer?: Payer | undefined;
}

/** What a job needs beside a slot. */
export interface SlotWants {
  /** Who will be asked, for whoever knows how much that one takes at once. Default: nobody in particular. */
  readonly host?: string | undefined;
  /** Whether it moves so much that it fills a line by itself. Default false. */
  readonly isLarge?: boolean | undefined;
  /**
   * Whether it is so small that its host may be asked for several in the place of one, see `briefEach`.
   * @defaultValue `false`
   * @example isBrief: true
   */
  readonly isBrief?: boolean | undefined;
}

/** What limits the use of slots beside their number. */
export interface SlotLimits {
  /** Slots for what is large. Default: no limit of their own. */
  readonly largeSlots?: number | undefined;
  /** How many a host takes at once, at present. `TransferManager.serve` is called when it has become more. Default: no limit. */
  readonly roomAt?: ((host: string) => number) | undefined;
  /**
   * How many small ones count as one of those at present.
   * @defaultValue each counts
   * @example briefEach: () => 4
   */
  readonly briefEach?: ((host: string) => number) | undefined;
  /** Told that somebody in the foreground wants a slot, or has one whose bytes are not in. Default: nobody gives way to them. */
  readonly foreground?: Foreground | undefined;
}
