import { describe, expect, it } from "vitest";
import { campaign, report } from "./support/campaign.ts";
import { openDescriptors } from "./support/invariants.ts";
import { runRound } from "./support/round.ts";

const { seed, faults } = campaign();

/** Longest time for a campaign, in milliseconds for each fault of it: it is bound by the machine, not by waiting. */
const MS_PER_FAULT = 300;

describe(`a registry that goes wrong ${faults} times (CHAOS_SEED=${seed})`, () => {
  it("neither corrupts a root, nor hangs a caller, nor sees what is not its own", {
    timeout: faults * MS_PER_FAULT + 60_000,
  }, async () => {
    let committed = 0;
    await runRound(`${seed} warm-up`); // what a process opens once is not a leak
    const before = openDescriptors();
    for (let round = 0; committed < faults; round++) {
      const { faults: seen, violations, succeeded } = await runRound(`${seed} ${round}`);
      expect(report(seed, violations)).toBe("");
      expect(succeeded).toBeGreaterThan(0);
      committed += [...seen.values()].reduce((sum, count) => sum + count, 0);
    }
    expect(openDescriptors()).toBeLessThanOrEqual(before);
  });
});
