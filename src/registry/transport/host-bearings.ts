import { BoundedMap } from "../../async/bounded-map.ts";
import type { Clock } from "../../async/clock.ts";
import { HostBudget } from "./host-budget.ts";
import { Pipelining } from "./pipelining.ts";
import type { PoolHost } from "./pool-host.ts";
import type { PoolLimits } from "./pool-options.ts";

/** Hosts of which it is remembered what they bear when nothing is under way there. */
const MAX_BUDGETS = 256;

/** What is known of how much a host bears. */
type Bearing = Pick<PoolHost, "budget" | "pipelining">;

/** What hosts bear, by their names, as far as it is remembered. */
export class HostBearings {
  readonly #limits: PoolLimits;
  readonly #clock: Clock;
  readonly #known = new BoundedMap<string, Bearing>(MAX_BUDGETS);

  constructor(limits: PoolLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** What is known of a host; of one that was not met, what is assumed. */
  of(name: string): Bearing {
    const known = this.#known.get(name);
    if (known) return known;
    const { maxSocketsPerHost, pipelining } = this.#limits;
    const budget = new HostBudget(maxSocketsPerHost, this.#clock);
    const bearing = { budget, pipelining: new Pipelining(pipelining, this.#clock) };
    this.#known.set(name, bearing);
    return bearing;
  }
}
