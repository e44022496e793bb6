/**
 * What embeds drayage and has been running: `engine.ts` says "ready", takes a line `{ root, reference }`, pulls into that new root,
 * and answers with what it cost. Ends with its input.
 */
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";
import type { Cost } from "../push/measure.ts";

process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const { root, reference } = JSON.parse(line) as { root: string; reference: string };
  await using distribution = await openDistribution({ root, registry: { plainHttp: true } });
  const [start, before] = [performance.now(), process.cpuUsage()];
  await distribution.pull(reference, { platform: "linux/amd64" });
  const { user, system } = process.cpuUsage(before);
  const cost: Cost = {
    wallSeconds: (performance.now() - start) / 1_000,
    cpuSeconds: (user + system) / 1e6,
  };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
