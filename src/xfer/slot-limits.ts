import type { Foreground } from "../bandwidth/foreground.ts";
import type { Payer } from "../bandwidth/payers.ts";

/** Who a slot is for, such as one pull: the same object each time. Those who share a group have their slots counted together. */
export interface Tenant {
  /**
   * Those of one group get as many slots together as one that has none, when some of equal priority wait.
   * @defaultValue a group of its own
   * @example group: "tenant-7"
   */
  readonly group?: string | symbol | undefined;
  /**
   * On whose account its bytes move.
   * @hidden no door has what it takes
   */
  readonly payer?: Payer | undefined;
}

/** What a job needs beside a slot. */
export interface SlotWants {
  /**
   * Who will be asked, for whoever knows how much that one takes at once.
   * @defaultValue nobody in particular
   * @example host: "registry.example"
   */
  readonly host?: string | undefined;
  /**
   * Whether it moves so much that it fills a line by itself.
   * @defaultValue `false`
   * @example isLarge: true
   */
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
  /**
   * Slots for what is large.
   * @unit slots
   * @defaultValue no limit of their own
   * @example largeSlots: 8
   */
  readonly largeSlots?: number | undefined;
  /**
   * How many a host takes at once, at present. `TransferManager.serve` is called when it has become more.
   * @defaultValue no limit
   * @example roomAt: () => 32
   */
  readonly roomAt?: ((host: string) => number) | undefined;
  /**
   * How many small ones count as one of those at present.
   * @defaultValue each counts
   * @example briefEach: () => 4
   */
  readonly briefEach?: ((host: string) => number) | undefined;
  /**
   * Told that somebody in the foreground wants a slot, or has one whose bytes are not in.
   * @hidden no door has what it takes
   */
  readonly foreground?: Foreground | undefined;
}
