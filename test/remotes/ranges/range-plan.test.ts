import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ByteRange } from "../../../src/content/byte-ranges.ts";
import type { Claim } from "../../../src/remotes/ranges/claim.ts";
import { RangePlan, type Takeover } from "../../../src/remotes/ranges/range-plan.ts";

const SIZE = 1_000;

describe("RangePlan", () => {
  it("gives out what is missing from the front, and nothing that is there", () => {
    const plan = new RangePlan(100, [
      { from: 60, to: 70 },
      { from: 0, to: 20 },
    ]);
    expect(plan.freeBytes).toBe(70);
    expect(spanOf(plan.take(30))).toEqual([20, 50]);
    expect(spanOf(plan.take(30))).toEqual([50, 60]);
    expect(spanOf(plan.take(1_000))).toEqual([70, 100]);
    expect(plan.take(1)).toBeUndefined();
  });

  it("sets free what did not come of a claim, and gives that out next", () => {
    const plan = new RangePlan(100, []);
    const first = claimed(plan.take(40));
    plan.take(40);
    first.reached = 15;
    plan.release(first);
    expect(spanOf(plan.take(100))).toEqual([15, 40]);
    expect(spanOf(plan.take(100))).toEqual([80, 100]);
  });

  it("leaves a claim as it is until what was offered of it is accepted", () => {
    const plan = new RangePlan(100, []);
    const all = claimed(plan.take(100));
    const offered = taken(plan.offer(all, 30, 20));
    expect(all.end).toBe(100);
    expect(plan.offer(all, 60, 20)).toBeUndefined();
    expect(plan.accept(offered)).toBe(true);
    expect([all.end, ...spanOf(offered.claim)]).toEqual([30, 30, 50]);
    expect(plan.freeBytes).toBe(50);
  });

  it("keeps an offer that is declined where it was", () => {
    const plan = new RangePlan(100, []);
    const all = claimed(plan.take(100));
    plan.decline(taken(plan.offer(all, 30, 20)));
    expect(all.end).toBe(100);
    expect(plan.offer(all, 30, 20)).toBeDefined();
  });

  it("finds an offer not worth it when what it was about has come meanwhile", () => {
    const plan = new RangePlan(100, []);
    const all = claimed(plan.take(100));
    const offered = taken(plan.offer(all, 30, 20));
    all.reached = 60;
    expect(plan.accept(offered)).toBe(false);
    expect(all.end).toBe(100);
  });

  it("leaves nothing to one whose bytes have come further than another one takes over from", () => {
    const plan = new RangePlan(100, []);
    const all = claimed(plan.take(100));
    const offered = taken(plan.offer(all, 0, 100));
    all.reached = 7;
    expect(plan.accept(offered)).toBe(true);
    expect([all.left, plan.freeBytes]).toEqual([0, 0]);
    expect(spanOf(offered.claim)).toEqual([0, 100]);
  });

  it("claims all behind the first hole for who can be asked for nothing else", () => {
    const plan = new RangePlan(100, [
      { from: 0, to: 10 },
      { from: 50, to: 60 },
    ]);
    expect(spanOf(plan.takeAll())).toEqual([10, 100]);
    expect(plan.freeBytes).toBe(0);
  });

  it("neither loses a byte nor lets two bring the same one, whatever happens in whatever order", () => {
    const step = fc.record({
      what: fc.constantFrom("take", "come", "come", "release", "offer", "accept", "decline"),
      which: fc.nat({ max: 9 }),
      amount: fc.integer({ min: 1, max: 300 }),
    });
    const range = fc
      .tuple(fc.nat({ max: SIZE }), fc.nat({ max: SIZE }))
      .map(([one, other]) => ({ from: Math.min(one, other), to: Math.max(one, other) }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 4 }), fc.array(step, { maxLength: 80 }), (there, steps) => {
        const world = new World(there);
        for (const { what, which, amount } of steps) {
          world.step(what, which, amount);
          world.check();
        }
        world.finish();
      }),
      { numRuns: Number(process.env["DRAYAGE_RANGE_PLAN_RUNS"] ?? "200") },
    );
  });
});

/** A plan, and what has really come. */
class World {
  readonly #plan: RangePlan;
  readonly #there = new Set<number>();
  readonly #offers: Takeover[] = [];

  constructor(there: readonly ByteRange[]) {
    this.#plan = new RangePlan(SIZE, there);
    for (const { from, to } of there) for (let at = from; at < to; at++) this.#there.add(at);
  }

  step(what: string, which: number, amount: number): void {
    const claims = [...this.#plan.claims];
    const claim = claims[which % Math.max(1, claims.length)];
    const offer = this.#offers[which % Math.max(1, this.#offers.length)];
    if (what === "take") this.#plan.take(amount);
    if (what === "come" && claim) this.#come(claim, amount);
    if (what === "release" && claim) this.#plan.release(claim);
    if (what === "offer" && claim) {
      const made = this.#plan.offer(claim, claim.reached + Math.floor(amount / 3), amount);
      if (made) this.#offers.push(made);
    }
    if (what === "accept" && offer) this.#plan.accept(this.#drop(offer));
    if (what === "decline" && offer) this.#plan.decline(this.#drop(offer));
  }

  /** Each missing byte is free, or one claim's: so the bytes that are left are as many as are missing. */
  check(): void {
    for (const claim of this.#plan.claims) {
      for (const other of this.#plan.claims) {
        if (claim === other) continue;
        expect(
          claim.reached >= other.end || other.reached >= claim.end || claim.left * other.left === 0,
        ).toBe(true);
      }
    }
    expect(this.#plan.leftBytes).toBeGreaterThanOrEqual(SIZE - this.#there.size);
  }

  /** Whatever has happened, all of it can be brought from here. */
  finish(): void {
    for (const offer of this.#offers) this.#plan.decline(offer);
    for (let rounds = 0; !this.#plan.isDone; rounds++) {
      expect(rounds).toBeLessThan(2 * SIZE);
      this.#plan.take(37);
      for (const claim of this.#plan.claims) {
        this.#come(claim, SIZE);
        this.#plan.release(claim);
      }
    }
    expect(this.#there.size).toBe(SIZE);
  }

  #come(claim: Claim, amount: number): void {
    const to = Math.min(claim.end, claim.reached + amount);
    for (let at = claim.reached; at < to; at++) this.#there.add(at);
    claim.reached = Math.max(claim.reached, to);
  }

  #drop(offer: Takeover): Takeover {
    this.#offers.splice(this.#offers.indexOf(offer), 1);
    return offer;
  }
}

function claimed(claim: Claim | undefined): Claim {
  if (!claim) throw new Error("nothing was claimed");
  return claim;
}

function taken(takeover: Takeover | undefined): Takeover {
  if (!takeover) throw new Error("nothing was offered");
  return takeover;
}

function spanOf(claim: Claim | undefined): readonly number[] {
  return claim ? [claim.start, claim.end] : [];
}
