/**
 * What embeds drayage and has been running: `engine.ts` says "ready", takes a line `{ root, reference }`, pulls into that new root,
 * and answers with what it cost. Ends with its input.
 */
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";
import { measureHere } from "../support/measure.ts";

process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const { root, reference } = JSON.parse(line) as { root: string; reference: string };
  await using distribution = await openDistribution({ root, registry: { plainHttp: true } });
  const cost = await measureHere(() => distribution.pull(reference, { platform: "linux/amd64" }));
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
