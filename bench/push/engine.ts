/**
 * What embeds drayage and has been running: `engine.ts ROOT [HOST]` says "ready", takes a line `{ source, target }`, pushes, and
 * answers with what it cost. Ends with its input. HOST has a certificate that nobody knows; without one, all is plain HTTP.
 */
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";
import { measureHere } from "../support/measure.ts";

const [, , root = "", insecureHost] = process.argv;
const registry = insecureHost === undefined ? { plainHttp: true } : { insecureRegistries: [insecureHost] };
await using distribution = await openDistribution({ root, registry });
process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const { source, target } = JSON.parse(line) as { source: string; target: string };
  const cost = await measureHere(() => distribution.push(source, { target }));
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
