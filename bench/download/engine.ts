/**
 * What embeds drayage and has been running: `engine.ts ROOT HOST PLAIN WARM` pulls WARM first, says "ready", takes a line with a
 * reference, pulls that, and answers with what it cost. Ends with its input. HOST has a certificate that nobody knows unless PLAIN is
 * "plain".
 */
import { createInterface } from "node:readline";
import { openDistribution } from "drayage";
import { measureHere } from "../support/measure.ts";
import type { DownloadCost } from "./contestants.ts";

const [, , root = "", host = "", plain, warm = ""] = process.argv;
const registry = plain === "plain" ? { plainHttp: true } : { insecureRegistries: [host] };
await using distribution = await openDistribution({ root, registry });
await distribution.pull(warm);
process.stdout.write("ready\n");
for await (const line of createInterface(process.stdin)) {
  const spent = await measureHere(() => distribution.pull(JSON.parse(line) as string));
  const cost: DownloadCost = { ...spent, peakMib: process.resourceUsage().maxRSS / 1024 };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
