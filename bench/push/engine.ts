/**
 * What embeds drayage and has been running: `engine.ts ROOT` says "ready", takes a line `{ source, target }`, pushes, and
 * answers with what it cost. Ends with its input.
 */
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";

const [, , root = ""] = process.argv;
await using distribution = await openDistribution({ root, registry: { plainHttp: true } });
process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const { source, target } = JSON.parse(line) as { source: string; target: string };
  const [start, before] = [performance.now(), process.cpuUsage()];
  await distribution.push(source, { target });
  const { user, system } = process.cpuUsage(before);
  const cost = { wallSeconds: (performance.now() - start) / 1_000, cpuSeconds: (user + system) / 1e6 };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
