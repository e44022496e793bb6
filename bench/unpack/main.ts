import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/format-table.ts";
import { inTurns } from "../support/in-turns.ts";
import type { Cost } from "../support/measure.ts";
import { type Contestant, findContestants } from "./contestants.ts";

const RUNS = 5;

const { values } = parseArgs({
  options: {
    /** `host:port/repository:tag` at a registry that speaks plain HTTP. */
    image: { type: "string" },
    /** A memory file system, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
    runs: { type: "string", default: String(RUNS) },
    /** Who takes part, by parts of the name; everybody otherwise. */
    only: { type: "string", multiple: true, default: [""] },
  },
});
const { image } = values;
if (image === undefined)
  throw new Error("Cannot measure: wanted --image HOST:PORT/REPOSITORY:TAG, by plain HTTP");
const { contestants: found, missing } = await findContestants(values.data);
const contestants = found.filter(({ name }) => values.only.some((part) => name.includes(part)));
for (const name of missing) console.log(`MISSING: ${name} does not answer and takes no part`);
const runs = new Map<Contestant, Cost[]>(contestants.map((contestant) => [contestant, []]));
for (const [round, contestant] of inTurns(contestants, [0, Number(values.runs)])) {
  const cost = await contestant.pull(image);
  if (round > 0) runs.get(contestant)?.push(cost); // the first one warms caches, and whoever goes on running, up
  console.log(
    `round ${round}: ${contestant.name} ${seconds(cost.wallSeconds)} s, CPU ${seconds(cost.cpuSeconds)} s`,
  );
}
for (const { close } of found) await close?.();
printResults();

function printResults(): void {
  const medians = Array.from(runs, ([{ name }, costs]) => ({
    name,
    wall: costs.map(({ wallSeconds }) => wallSeconds).toSorted((a, b) => a - b),
    cpu: middle(costs.map(({ cpuSeconds }) => cpuSeconds)),
  }));
  const peers = medians.filter(({ name }) => !name.startsWith("drayage"));
  const rows = medians.map(({ name, wall, cpu }) => [
    name,
    seconds(middle(wall)),
    `${seconds(wall[0] ?? Number.NaN)} to ${seconds(wall.at(-1) ?? Number.NaN)}`,
    seconds(cpu),
    ...peers.map((peer) => (name === peer.name ? "" : (middle(wall) / middle(peer.wall)).toFixed(2))),
  ]);
  console.log(`\n${image} pulled and unpacked, medians of ${values.runs}, seconds:`);
  const head = ["BY", "WALL", "FROM, TO", "CPU", ...peers.map(({ name }) => `: ${name}`.toUpperCase())];
  process.stdout.write(formatTable([head, ...rows]));
}

function middle(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}

function seconds(figure: number): string {
  return figure.toFixed(2);
}
