import PQueue, { type QueueAddOptions } from "p-queue";
import { PREFETCH } from "./live-priority.ts";
import { type Claim, SlotClaims } from "./slot-claims.ts";
import type { SlotLimits, Tenant } from "./slot-limits.ts";

/** A slot in use. */
export interface HeldSlot {
  /** What is left to do asks nobody: the host has room for another one, the slot stays. */
  received(): void;
  /** Lets the next one have the slot; to be called once. */
  giveBack(): void;
}

/** What is wanted of a queue. */
export interface SlotRequest extends Pick<Claim, "wants" | "tenants" | "priority"> {
  /** Called when the slot is held: before `SlotQueue.add` returns, when one is free. */
  readonly onHeld: (held: HeldSlot) => void;
}

type Run = () => Promise<unknown>;

/** The tasks of p-queue that stand for claims. */
interface Tasks {
  readonly waiting: Map<Claim, Run>;
  /** Those whose claims have left. */
  readonly gone: Run[];
}

/** What p-queue passes on to the order of its tasks. */
interface ClaimOptions extends QueueAddOptions {
  readonly claim: Claim;
}

/**
 * A limited number of slots: p-queue counts them, and `SlotClaims` says who is next. A task of p-queue stands for a slot, and lasts
 * until the slot is given back.
 */
export class SlotQueue {
  readonly #claims: SlotClaims;
  readonly #limits: SlotLimits;
  readonly #queue: SilentQueue;
  readonly #tasks: Tasks = { waiting: new Map(), gone: [] };
  /** Ends the task of a claim. */
  readonly #over = new WeakMap<Claim, () => void>();
  #held = 0;

  /** @param slots in all; infinite for no limit */
  constructor(slots: number, limits: SlotLimits = {}) {
    const claims = new SlotClaims(limits);
    const tasks = this.#tasks;
    this.#claims = claims;
    this.#limits = limits;
    this.#queue = new SilentQueue({
      concurrency: slots,
      queueClass: class extends ClaimOrder {
        constructor() {
          super(claims, tasks);
        }
      },
    });
  }

  /** Slots held at present. */
  get held(): number {
    return this.#held;
  }

  /** Claims that wait. */
  get waiting(): number {
    return this.#claims.size;
  }

  /** Somebody wants a slot at this priority, or uses it, until what this returns is called. */
  begin(priority: number): () => void {
    const { foreground } = this.#limits;
    return priority > PREFETCH && foreground ? foreground.begin() : () => {};
  }

  /** Changes the number of slots at once; those that are held stay. */
  setSlots(slots: number): void {
    this.#queue.concurrency = slots;
  }

  /** Lets in whoever may come by now: p-queue looks for them whenever its limit is set, and tells of it where it finds nobody. */
  serve(): void {
    if (this.#tasks.gone.length === 0 && !this.#claims.hasNext) return;
    this.setSlots(this.#queue.concurrency);
  }

  /** Adds a claim, which is in the queue until it is served or leaves. */
  add({ onHeld, ...wanted }: SlotRequest): Claim {
    const over = Promise.withResolvers<void>();
    const claim: Claim = {
      ...wanted,
      onServed: (seat) => {
        this.#held++;
        onHeld({
          received: () => {
            seat.received();
            this.serve();
          },
          giveBack: () => {
            this.#held--;
            seat.left();
            over.resolve();
          },
        });
      },
    };
    this.#over.set(claim, over.resolve);
    void this.#queue.add(() => over.promise, { claim });
    return claim;
  }

  /** Takes a claim that waits out of the queue. Its task is over as soon as it begins: p-queue has no cheaper way out for one. */
  remove(claim: Claim): void {
    if (!this.#claims.remove(claim)) return;
    const { waiting, gone } = this.#tasks;
    const task = waiting.get(claim);
    waiting.delete(claim);
    if (task) gone.push(task);
    this.#over.get(claim)?.();
    this.serve();
  }

  /** Somebody else wants what a claim is for; among its tenants by now. */
  joined(claim: Claim, tenant: Tenant): void {
    this.#claims.joined(claim, tenant);
    this.serve();
  }

  /** Somebody does not want it any more. */
  parted(claim: Claim, tenant: Tenant): void {
    this.#claims.parted(claim, tenant);
  }

  /** Moves a claim behind its new equals. */
  setPriority(claim: Claim, priority: number): void {
    this.#claims.setPriority(claim, priority);
    this.serve();
  }
}

/** Tells of nothing: p-queue makes six events known for each task, which takes longer than the task, and here nobody listens. */
class SilentQueue extends PQueue<ClaimOrder, ClaimOptions> {
  override dispatchEvent(): boolean {
    return true;
  }
}

/** The order of p-queue's tasks, by the claims that they are for. */
class ClaimOrder {
  readonly #claims: SlotClaims;
  readonly #tasks: Tasks;

  constructor(claims: SlotClaims, tasks: Tasks) {
    this.#claims = claims;
    this.#tasks = tasks;
  }

  /** None, as far as p-queue is concerned, when nobody can be served at present. */
  get size(): number {
    return this.#tasks.gone.length + (this.#claims.hasNext ? this.#claims.size : 0);
  }

  enqueue(run: Run, { claim }: Partial<ClaimOptions> = {}): void {
    if (!claim) return;
    this.#tasks.waiting.set(claim, run);
    this.#claims.add(claim);
  }

  dequeue(): Run | undefined {
    const { waiting, gone } = this.#tasks;
    const left = gone.pop();
    if (left) return left;
    const claim = this.#claims.serve();
    const run = claim && waiting.get(claim);
    if (claim) waiting.delete(claim);
    return run;
  }

  /** Not used: whoever has a claim takes it out. */
  remove(): void {}

  /** Not used: whoever has a claim changes its priority by it. */
  setPriority(): void {}

  /** Not used: nobody asks for the number of tasks by priority. */
  filter(): Run[] {
    return [];
  }
}
