import type PQueue from "p-queue";
import type { ErrCanceled } from "../errors/classes.ts";

type SlotState =
  /** Not wanted at present. */
  | { readonly kind: "none" }
  /** In the queue; `leave` takes it out. */
  | { readonly kind: "waiting"; readonly granted: Promise<void>; readonly leave: AbortController }
  /** Counted against the limit until `giveBack`. */
  | { readonly kind: "held"; readonly giveBack: () => void };

let lastId = 0;

/**
 * One job's claim on a queue's concurrency: a queue task stands for the slot, and lasts until the slot is given back. The
 * job's own signal never reaches the queue, which would free the slot of a task that is still running.
 */
export class Slot {
  readonly #queue: PQueue;
  #id = "";
  #state: SlotState = { kind: "none" };

  constructor(queue: PQueue) {
    this.#queue = queue;
  }

  /** Whether it counts against the limit. */
  get held(): boolean {
    return this.#state.kind === "held";
  }

  /** Whether it is queued. */
  get waiting(): boolean {
    return this.#state.kind === "waiting";
  }

  /** Resolves when the slot is held; `held` is true already on return when one was free. Rejects when `leave` comes first. */
  take(priority: number): Promise<void> {
    if (this.#state.kind === "held") return Promise.resolve();
    if (this.#state.kind === "waiting") return this.#state.granted;
    const { promise: granted, resolve, reject } = Promise.withResolvers<void>();
    const leave = new AbortController();
    const hold = (): Promise<void> =>
      new Promise((giveBack) => {
        this.#state = { kind: "held", giveBack };
        resolve();
      });
    this.#id = `slot-${++lastId}`;
    this.#state = { kind: "waiting", granted, leave };
    this.#queue.add(hold, { id: this.#id, priority, signal: leave.signal }).catch(reject);
    return granted;
  }

  /** Moves a queued slot behind its new equals; otherwise does nothing. */
  setPriority(priority: number): void {
    if (this.#state.kind === "waiting") this.#queue.setPriority(this.#id, priority);
  }

  /** Lets the next one have a held slot. */
  giveBack(): void {
    if (this.#state.kind !== "held") return;
    const { giveBack } = this.#state;
    this.#state = { kind: "none" };
    giveBack();
  }

  /** Takes a queued slot out of the queue at once; `take` rejects with `reason`. */
  leave(reason: ErrCanceled): void {
    if (this.#state.kind !== "waiting") return;
    const { leave } = this.#state;
    this.#state = { kind: "none" };
    leave.abort(reason);
  }
}
