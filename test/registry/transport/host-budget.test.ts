import { describe, expect, it } from "vitest";
import { FIRST_REQUESTS, HostBudget, QUICK_ANSWER_MS } from "../../../src/registry/transport/host-budget.ts";
import { seeded } from "../../chaos/support/seeded.ts";
import { FakeClock } from "../support/fake-clock.ts";

function budget(most = 32) {
  const clock = new FakeClock();
  const made = new HostBudget(most, clock);
  return {
    clock,
    budget: made,
    /** Answers that come `ms` after their requests were sent, while all that may are under way. */
    answers(
      count: number,
      {
        status = 200,
        ms = 10,
        full = true,
      }: { status?: number | undefined; ms?: number; full?: boolean } = {},
    ) {
      const sentAtMs = clock.elapsed();
      clock.advance(ms);
      return Array.from({ length: count }, () => made.note({ status, sentAtMs, full }));
    },
    breaks(count: number) {
      const sentAtMs = clock.elapsed();
      clock.advance(1);
      return Array.from({ length: count }, () => made.note({ status: undefined, sentAtMs, full: true }));
    },
  };
}

describe("HostBudget", () => {
  it("doubles with each round of quick answers, up to the most", () => {
    const { budget: made, answers } = budget(64);
    expect(made.requests).toBe(FIRST_REQUESTS);
    const rounds = Array.from({ length: 4 }, () => {
      answers(made.requests);
      return made.requests;
    });
    expect(rounds).toEqual([32, 64, 64, 64]);
  });

  it.each([
    ["are slow", { ms: QUICK_ANSWER_MS + 1 }],
    ["come while it is not used up", { full: false }],
  ])("stays as it is when answers %s", (_what, how) => {
    const { budget: made, answers } = budget();
    answers(100, how);
    expect(made.requests).toBe(FIRST_REQUESTS);
  });

  it.each([[429], [503], [undefined]])("is halved by %s, once for all that were under way", (status) => {
    const { budget: made, answers, breaks } = budget();
    answers(100);
    const changes = status === undefined ? breaks(32) : answers(32, { status });
    expect(made.requests).toBe(16);
    expect(changes.filter(Boolean)).toHaveLength(1);
    expect(changes[0]).toMatchObject({ requests: 16, because: expect.stringMatching(/429|503|broke/) });
  });

  it("is never less than one, and comes back one by one, in longer and longer rounds", () => {
    const { budget: made, answers } = budget();
    for (let round = 0; round < 10; round++) answers(1, { status: 503 });
    expect(made.requests).toBe(1);
    expect(answers(1, { status: 503 })).toEqual([undefined]);
    const after = Array.from({ length: 6 }, () => {
      answers(made.requests);
      return made.requests;
    });
    expect(after).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it("is not halved by other failures, nor grown by them beyond reason", () => {
    const { budget: made, answers } = budget(4);
    expect(made.requests).toBe(4);
    for (const status of [404, 401, 500, 502]) answers(10, { status });
    expect(made.requests).toBe(4);
  });

  it("keeps its bounds, and halves at most once for each time that requests take, whatever comes", () => {
    const seed = process.env["BUDGET_SEED"] ?? String(Math.random());
    const { next: random } = seeded(seed);
    for (let run = 0; run < 200; run++) {
      const most = 1 + Math.floor(random() * 40);
      const { budget: made, clock } = budget(most);
      let halvedAt = Number.NEGATIVE_INFINITY;
      for (let step = 0; step < 200; step++) {
        const sentAtMs = clock.elapsed() - Math.floor(random() * 2_000);
        clock.advance(Math.floor(random() * 50));
        const before = made.requests;
        const status = [200, 404, 429, 503, undefined][Math.floor(random() * 5)];
        const change = made.note({ status, sentAtMs, full: random() < 0.5 });
        const now = made.requests;
        expect(now, `seed ${seed}`).toBeGreaterThanOrEqual(1);
        expect(now, `seed ${seed}`).toBeLessThanOrEqual(most);
        expect(now - before, `seed ${seed}`).toBeLessThanOrEqual(1);
        expect(change?.requests ?? now, `seed ${seed}`).toBe(now);
        expect(change === undefined, `seed ${seed}`).toBe(now === before);
        if (now >= before) continue;
        expect(now, `seed ${seed}`).toBe(Math.max(1, Math.floor(before / 2)));
        expect(sentAtMs, `seed ${seed}`).toBeGreaterThanOrEqual(halvedAt);
        halvedAt = clock.elapsed();
      }
    }
  });
});
