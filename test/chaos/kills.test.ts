import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { campaign, report } from "./support/campaign.ts";
import { HostileRegistry } from "./support/hostile-registry.ts";
import { rootViolations } from "./support/invariants.ts";
import { makeRoot, openEngine } from "./support/round.ts";
import { seeded } from "./support/seeded.ts";
import { buildWorld, contentOf } from "./support/world.ts";

const { seed, kills } = campaign();

/** Processes that work on the root at the same time. */
const CHILDREN = 2;

/** Most requests that the processes may make before they are killed; the number decides where the kill hits. */
const MAX_REQUESTS = 60;

const CHILD = new URL("support/pull-child.ts", import.meta.url).pathname;

describe(`${kills} processes killed while they pull (CHAOS_SEED=${seed})`, () => {
  it("leave a root that is right, and goes on", { timeout: kills * 5_000 + 60_000 }, async ({ signal }) => {
    const world = buildWorld(`kills ${seed}`);
    await using root = await makeRoot();
    await using registry = await HostileRegistry.start({ seed, world, root: root.path, faultRate: 0.1 });
    const random = seeded(`kills ${seed}`);
    for (let killed = 0; killed < kills; killed += CHILDREN) {
      const children = Array.from({ length: CHILDREN }, (_, number) =>
        spawn(
          process.execPath,
          [
            "--no-warnings",
            CHILD,
            root.path,
            registry.host,
            `${seed} ${killed + number}`,
            String(number),
            ...world.tags.keys(),
          ],
          {
            stdio: ["ignore", "ignore", "inherit"],
          },
        ),
      );
      const ended = children.map((child) => once(child, "exit"));
      try {
        await Promise.race([registry.asked(1 + random.int(MAX_REQUESTS)), once(signal, "abort"), ...ended]);
      } finally {
        for (const child of children) child.kill("SIGKILL"); // also when the test has run out of time
      }
      for (const exit of ended) expect(await exit, `CHAOS_SEED=${seed}`).toEqual([null, "SIGKILL"]);
      expect(report(seed, rootViolations(root.path))).toBe("");
    }
    registry.options.faultRate = 0;
    const engine = await openEngine(root.path);
    for (const [tag, digest] of world.tags) {
      await engine.pull(`${registry.host}/${tag}`, { platform: "linux/amd64" });
      for (const needed of contentOf(world, digest)) await engine.content.info(needed as never);
    }
    await engine.close();
    expect(report(seed, [...rootViolations(root.path), ...registry.violations])).toBe("");
  });
});
