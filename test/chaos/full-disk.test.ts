import { expect, it } from "vitest";
import { isResourceExhausted } from "../../src/errors.ts";
import { mountSmallDisk } from "../content/support/small-disk.ts";
import { describeWithMounts, resizeDisk } from "../distribution/support/describe-with-mounts.ts";
import { campaign, report } from "./support/campaign.ts";
import { HostileRegistry } from "./support/hostile-registry.ts";
import { errorViolations, rootViolations } from "./support/invariants.ts";
import { openEngine } from "./support/round.ts";
import { seeded } from "./support/seeded.ts";
import { buildWorld } from "./support/world.ts";

const { seed } = campaign();

/** Disks that are filled, each with room for another part of the images. */
const DISKS = 8;

const ROOMY_KIB = 32_768;

describeWithMounts(`disks that fill up (CHAOS_SEED=${seed})`, () => {
  it("keep what is whole, say why the rest is not, and take it when there is room", {
    timeout: 120_000,
  }, async () => {
    let refused = 0;
    for (let number = 0; number < DISKS; number++) refused += await fillDisk(`${seed} ${number}`);
    expect(refused).toBeGreaterThan(0);
  });
});

/** Returns how many pulls the disk had no room for. */
async function fillDisk(key: string): Promise<number> {
  const random = seeded(`disk ${key}`);
  const world = buildWorld(key);
  const disk = await mountSmallDisk(300 + random.int(900));
  await using registry = await HostileRegistry.start({ seed: key, world, root: disk.path, faultRate: 0.05 });
  const violations: string[] = [];
  let full = 0;
  const engine = await openEngine(disk.path);
  const attempts = [...world.tags.keys()].map(async (tag) => {
    try {
      await engine.pull(`${registry.host}/${tag}`, { platform: "linux/amd64" });
      if (random.chance(0.3)) await engine.remove(`${registry.host}/${tag}`);
    } catch (error) {
      if (isResourceExhausted(error)) full++;
      violations.push(...errorViolations(error));
    }
  });
  await Promise.all(attempts);
  violations.push(...rootViolations(disk.path));
  resizeDisk(disk.path, ROOMY_KIB);
  registry.options.faultRate = 0;
  for (const tag of world.tags.keys()) {
    await engine.pull(`${registry.host}/${tag}`, { platform: "linux/amd64" });
  }
  await engine.close();
  violations.push(...rootViolations(disk.path), ...registry.violations);
  await disk.dispose();
  expect(report(key, violations)).toBe("");
  return full;
}
