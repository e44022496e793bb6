import type { ErrCanceled } from "../errors/classes.ts";
import type { Claim } from "./slot-claims.ts";
import type { SlotWants, Tenant } from "./slot-limits.ts";
import type { HeldSlot, SlotQueue } from "./slot-queue.ts";

type SlotState =
  /** Not wanted at present. */
  | { readonly kind: "none" }
  /** In the queue. */
  | {
      readonly kind: "waiting";
      readonly claim: Claim;
      readonly granted: PromiseWithResolvers<void>;
    }
  /** Counted against the limit until it is given back. */
  | { readonly kind: "held"; readonly held: HeldSlot };

/** One job's claim on the slots of a queue, which it may give back and take again. */
export class Slot {
  readonly #queue: SlotQueue;
  readonly #wants: SlotWants;
  readonly #tenants: Set<Tenant>;
  #state: SlotState = { kind: "none" };
  /** Ends what others give way to. */
  #end: () => void = () => {};

  /** @param tenants those who want the job at first */
  constructor(queue: SlotQueue, wants: SlotWants, tenants: Iterable<Tenant>) {
    this.#queue = queue;
    this.#wants = wants;
    this.#tenants = new Set(tenants);
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
    if (this.#state.kind === "waiting") return this.#state.granted.promise;
    const granted = Promise.withResolvers<void>();
    this.#begin(priority);
    const claim = this.#queue.add({
      wants: this.#wants,
      tenants: this.#tenants,
      priority,
      onHeld: (held) => {
        this.#state = { kind: "held", held };
        granted.resolve();
      },
    });
    if (!this.held) this.#state = { kind: "waiting", claim, granted };
    return granted.promise;
  }

  /** Moves a queued slot behind its new equals; one that is held is held at that priority. */
  setPriority(priority: number): void {
    if (this.#state.kind !== "none") this.#begin(priority);
    if (this.#state.kind === "waiting") this.#queue.setPriority(this.#state.claim, priority);
  }

  /** Somebody else wants the job as well. */
  join(tenant: Tenant): void {
    this.#tenants.add(tenant);
    if (this.#state.kind === "waiting") this.#queue.joined(this.#state.claim, tenant);
  }

  /** Somebody does not want it any more. */
  part(tenant: Tenant): void {
    if (this.#state.kind === "waiting") this.#queue.parted(this.#state.claim, tenant);
    this.#tenants.delete(tenant);
  }

  /** The bytes are in: what is left to do asks nobody. */
  received(): void {
    if (this.#state.kind !== "held") return;
    this.#end();
    this.#state.held.received();
  }

  /** Lets the next one have a held slot. */
  giveBack(): void {
    if (this.#state.kind !== "held") return;
    const { held } = this.#state;
    this.#state = { kind: "none" };
    this.#end();
    held.giveBack();
  }

  /** Takes a queued slot out of the queue at once; `take` rejects with `reason`. */
  leave(reason: ErrCanceled): void {
    if (this.#state.kind !== "waiting") return;
    const { granted, claim } = this.#state;
    this.#state = { kind: "none" };
    this.#end();
    this.#queue.remove(claim);
    granted.reject(reason);
  }

  #begin(priority: number): void {
    const before = this.#end;
    this.#end = this.#queue.begin(priority);
    before();
  }
}
