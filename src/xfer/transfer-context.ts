import type { Waiter } from "../async/waiting.ts";
import type { Payers } from "../bandwidth/payers.ts";
import type { StepSink } from "../progress/progress.ts";

/** What one attempt at a download, an upload or a registration runs with. */
export interface TransferContext {
  /** Fires when nobody wants the result any more, and when the attempt is broken off. */
  readonly signal: AbortSignal;
  readonly progress: StepSink;
  /** For whatever the work has to wait for, such as another process's lock: no slot is held meanwhile. */
  readonly waiter: Waiter;
}

/** The same for one that moves bytes from or to somebody else. */
export interface MovingContext extends TransferContext {
  /** On whose account they move at present. */
  readonly payers: Payers;
}
