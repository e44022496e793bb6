/** Which way bytes go. */
export type Direction = "down" | "up";

/** Where bytes pass, in whatever thread; it is told how many may. */
export interface TapEnd {
  /** As many as come. */
  open(): void;
  /** None but those that are granted from now on. */
  meter(): void;
  /** So many more, while it is metered. */
  grant(bytes: number): void;
}

/** What a tap asks its flow with. */
export interface Outlet {
  /** Most of what was granted has passed; `mostBytes` more can be used, as far as is known. */
  ask(mostBytes: number): void;
  /** Nothing more will pass; `unspentBytes` of what was granted have not. Again does nothing. */
  close(unspentBytes: number): void;
}

/** The bytes of one transfer: all its bodies share what it may have. */
export interface Flow {
  /** Begins to count the bytes of a body. Says how it is meant by calling `tap` at once, and later whenever that changes. */
  open(tap: TapEnd): Outlet;
}

/** The bytes of a transfer that gives way to others. */
export interface YieldingFlow extends Flow {
  /** Whether it stands still for others at present. */
  readonly isHeld: boolean;
  /** Whether it has ever stood still. */
  readonly wasHeld: boolean;
  /** Whether it has a body. */
  readonly isFlowing: boolean;
  /** Breaks it off: somebody else needs what it holds. It is begun again later. */
  cut(): void;
}

/** Whether a flow is one that gives way. */
export function mayYield(flow: Flow | undefined): flow is YieldingFlow {
  return flow !== undefined && "cut" in flow;
}
