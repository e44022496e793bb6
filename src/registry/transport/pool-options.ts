import type { Clock } from "../../async/clock.ts";
import type { Asker } from "../http/send.ts";
import type { BudgetChange } from "./host-budget.ts";

/** How many sockets may be open at once. */
export interface PoolLimits {
  readonly maxSocketsPerHost: number;
  readonly maxSockets: number;
  /** Whether requests for short answers may share a connection. */
  readonly pipelining: boolean;
}

/** How much one host is asked at once has changed. */
export interface HostBudgetChange extends BudgetChange {
  /** Host and port. */
  readonly host: string;
}

/** What surrounds a pool. */
export interface PoolParts {
  readonly clock: Clock;
  /** Told when a host is asked more or less at once than before. Must not throw. */
  readonly onBudget?: ((change: HostBudgetChange) => void) | undefined;
}

/** What is particular about one wait for a connection. */
export interface AcquireOptions extends Asker {
  /** Connections that nobody has used for so long, in milliseconds, are passed over; 0: all that were ever used. */
  readonly maxIdleMs?: number | undefined;
  /** Whether a blob is to move over it. Default false. */
  readonly bulk?: boolean | undefined;
  /** Whether that is short, and may come behind others. Default false. */
  readonly brief?: boolean | undefined;
}
