import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Job, Watcher } from "../../src/xfer/job.ts";
import { TransferManager } from "../../src/xfer/transfer-manager.ts";
import { flush, stateOf } from "./flush.ts";

/** One job as the model sees it, from the request that led to it to its end. */
interface Generation {
  readonly key: string;
  readonly outcome: PromiseWithResolvers<string>;
  readonly watchers: Map<Watcher<string>, number>;
  calls: number;
  job: Job | undefined;
  /** Waits for a slot. */
  waits: boolean;
  holds: boolean;
  canceled: boolean;
  ended: boolean;
}

type Op =
  | { readonly op: "transfer"; readonly key: string; readonly priority: number }
  | { readonly op: "release" | "finish" | "fail" | "inactive" | "active"; readonly pick: number }
  | { readonly op: "setPriority"; readonly pick: number; readonly priority: number }
  | { readonly op: "setConcurrency"; readonly limit: number };

const pick = fc.nat(1_000);
const priority = fc.integer({ min: -2, max: 2 });
const ops: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("transfer" as const),
      key: fc.constantFrom("a", "b", "c", "d", "e"),
      priority,
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("release" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom("finish" as const, "fail" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom("inactive" as const, "active" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("setPriority" as const), pick, priority }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("setConcurrency" as const), limit: fc.nat(4) }) },
);

/** Applies operations to a real manager and compares it with what must hold after each. */
class Model {
  readonly generations: Generation[] = [];
  readonly manager: TransferManager;
  /** All there ever were, also those that have left. */
  readonly #watchers: Watcher<string>[] = [];
  #limit: number;
  /** Jobs that got a slot since the last check. */
  #granted: Generation[] = [];
  /** Whether a slot was ever granted beyond the limit of that moment. */
  #overrun = false;

  constructor(limit: number) {
    this.#limit = limit;
    this.manager = new TransferManager({ concurrency: limit });
  }

  apply(step: Op): void {
    if (step.op === "transfer") this.#transfer(step.key, step.priority);
    else if (step.op === "setConcurrency") {
      this.#limit = step.limit;
      this.manager.setConcurrency(step.limit);
    } else if (step.op === "release")
      this.#withWatcher(step.pick, (watcher, owner) => this.#release(watcher, owner));
    else if (step.op === "setPriority") {
      this.#withWatcher(step.pick, (watcher, owner) => {
        owner.watchers.set(watcher, step.priority);
        watcher.setPriority(step.priority);
      });
    } else this.#withRunning(step.pick, step.op);
  }

  check(): void {
    const waiting = this.generations.filter((generation) => generation.waits);
    const holding = this.generations.filter((generation) => generation.holds);
    const bound = this.#limit === 0 ? Number.POSITIVE_INFINITY : this.#limit;
    expect(this.#overrun).toBe(false);
    expect(this.manager.running).toBe(holding.length);
    expect(this.manager.waiting).toBe(waiting.length);
    expect(this.manager.size).toBe(this.generations.filter(isJoinable).length);
    if (waiting.length > 0) expect(holding.length).toBeGreaterThanOrEqual(bound);
    if (waiting.length > 0 && this.#granted.length > 0) {
      const least = Math.min(...this.#granted.map(priorityOf));
      expect(Math.max(...waiting.map(priorityOf))).toBeLessThanOrEqual(least);
    }
    this.#granted = [];
    for (const generation of this.generations) expect(generation.calls).toBeLessThanOrEqual(1);
  }

  /** What must hold once nothing is left to do. */
  async checkEnd(): Promise<void> {
    this.check();
    expect(this.manager).toMatchObject({ size: 0, running: 0, waiting: 0 });
    for (const watcher of this.#watchers) expect(await stateOf(watcher.done)).not.toBe("pending");
    for (const { job, calls, canceled } of this.generations) {
      if (!job) {
        expect({ calls, canceled }).toEqual({ calls: 0, canceled: true });
        continue;
      }
      expect(await stateOf(job.released)).toBe("resolved");
      expect({ calls, aborted: job.signal.aborted }).toEqual({ calls: 1, aborted: canceled });
    }
  }

  /** Ends all runs, then lets every watcher leave. */
  async drain(): Promise<void> {
    for (let left = this.generations.length; left > 0; left--) {
      for (const generation of this.generations) if (generation.job) this.#settle(generation, "finish");
      await flush();
    }
    for (const generation of this.generations) {
      for (const watcher of generation.watchers.keys()) await watcher.release();
    }
    await flush();
  }

  #transfer(key: string, wanted: number): void {
    const joined = this.generations.find((generation) => generation.key === key && isJoinable(generation));
    const generation = joined ?? this.#generation(key);
    const run = (job: Job): Promise<string> => {
      generation.calls += joined ? 1_000 : 1; // the run of one who joins must never be called
      generation.job = job;
      this.#grant(generation);
      return generation.outcome.promise;
    };
    const watcher = this.manager.transfer(key, run, { priority: wanted });
    generation.watchers.set(watcher, wanted);
    this.#watchers.push(watcher);
  }

  #generation(key: string): Generation {
    const generation: Generation = {
      key,
      outcome: Promise.withResolvers<string>(),
      watchers: new Map(),
      calls: 0,
      job: undefined,
      waits: true,
      holds: false,
      canceled: false,
      ended: false,
    };
    this.generations.push(generation);
    return generation;
  }

  #grant(generation: Generation): void {
    generation.waits = false;
    generation.holds = true;
    this.#granted.push(generation);
    const holding = this.generations.filter((other) => other.holds).length;
    if (this.#limit > 0 && holding > this.#limit) this.#overrun = true;
  }

  #release(watcher: Watcher<string>, generation: Generation): void {
    generation.watchers.delete(watcher);
    void watcher.release();
    if (generation.watchers.size > 0 || generation.ended) return;
    generation.canceled = true;
    if (generation.waits) generation.waits = false;
    if (!generation.job) generation.ended = true;
  }

  #withWatcher(index: number, act: (watcher: Watcher<string>, generation: Generation) => void): void {
    const all = this.generations.flatMap((owner) =>
      [...owner.watchers.keys()].map((watcher) => ({ watcher, owner })),
    );
    const chosen = all[index % all.length];
    if (chosen) act(chosen.watcher, chosen.owner);
  }

  #withRunning(index: number, action: "finish" | "fail" | "inactive" | "active"): void {
    const running = this.generations.filter((generation) => generation.job && !generation.ended);
    const generation = running[index % running.length];
    if (!generation?.job) return;
    if (action === "finish" || action === "fail") this.#settle(generation, action);
    else if (action === "inactive") {
      generation.job.inactive();
      generation.holds = false;
    } else if (!generation.holds && !generation.waits && !generation.canceled) {
      generation.waits = true;
      generation.job.active().then(
        () => this.#grant(generation),
        () => {},
      );
    }
  }

  #settle(generation: Generation, how: "finish" | "fail"): void {
    if (how === "finish") generation.outcome.resolve(generation.key);
    else generation.outcome.reject(new Error("told to fail"));
    Object.assign(generation, { ended: true, holds: false, waits: false });
  }
}

function isJoinable(generation: Generation): boolean {
  return !generation.ended && !generation.canceled;
}

function priorityOf(generation: Generation): number {
  return Math.max(...generation.watchers.values());
}

describe("TransferManager", () => {
  it("keeps its promises under any sequence of operations", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.array(ops, { maxLength: 60 }), async (limit, steps) => {
        const model = new Model(limit);
        for (const step of steps) {
          model.apply(step);
          await flush();
          model.check();
        }

        await model.drain();
        await model.checkEnd();
      }),
      { numRuns: 300 },
    );
  });
});
