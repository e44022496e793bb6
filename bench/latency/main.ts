import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/format-table.ts";
import { inTurns } from "../support/in-turns.ts";
import type { Cost } from "../support/measure.ts";
import { type Contestant, findContestants } from "./contestants.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    /** Images of so many layers, one after another. */
    layers: { type: "string", default: "40,256" },
    bytes: { type: "string", default: String(64 * 1_024) },
    /** Time of a round trip, in milliseconds. */
    trip: { type: "string", default: "50" },
    /** A memory file system, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
  },
});
const [runs, tripMs] = [Number(values.runs), Number(values.trip)];

/** A pull takes at most so many times what crane takes, which opens a connection for each layer. */
const LIMIT = 1.2;

/** What went through the delay. */
interface Traffic {
  readonly connections: number;
  readonly requests: number;
}

type Run = Cost & Traffic;

const { contestants, missing } = findContestants();
for (const name of missing) console.log(`MISSING: ${name} is not on PATH and takes no part`);
for (const layers of values.layers.split(",").map(Number)) await compare(layers);

async function compare(layers: number): Promise<void> {
  await using registry = await startChild(
    new URL("registry-child.ts", import.meta.url),
    String(layers),
    values.bytes,
  );
  await using slow = await startChild(
    new URL("delay-child.ts", import.meta.url),
    await registry.line(),
    String(tripMs / 2),
  );
  const reference = `127.0.0.1:${await slow.line()}/bench/many:v1`;
  const results = new Map<Contestant, Run[]>(contestants.map((contestant) => [contestant, []]));
  for (const [, contestant] of inTurns(contestants, [1, runs])) {
    const folder = await mkdtemp(join(values.data, "drayage-bench-"));
    const cost = await contestant.pull({ reference, folder });
    await rm(folder, { recursive: true });
    const traffic = JSON.parse(await slow.ask()) as Traffic;
    results.get(contestant)?.push({ ...cost, ...traffic });
  }
  print(layers, results);
}

function print(layers: number, results: ReadonlyMap<Contestant, readonly Run[]>): void {
  const rows = [...results].map(([{ name }, all]) => {
    const of = (value: (run: Run) => number): number => median(all.map(value));
    const [wall, cpu] = [of((run) => run.wallSeconds), of((run) => run.cpuSeconds)];
    return {
      name,
      wall,
      cpu,
      connections: of((run) => run.connections),
      requests: of((run) => run.requests),
    };
  });
  const crane = rows.find(({ name }) => name === "crane")?.wall;
  console.log(`\n${layers} layers of ${values.bytes} bytes, round trips of ${tripMs} ms, medians of ${runs}`);
  const table = rows.map(({ name, wall, cpu, connections, requests }) => [
    name,
    `${(wall * 1_000).toFixed(0)} ms`,
    `${((cpu * 1_000) / layers).toFixed(2)} ms`,
    String(connections),
    String(requests),
    crane === undefined ? "" : (wall / crane).toFixed(2),
  ]);
  const head = ["PULLED BY", "WALL", "CPU PER BLOB", "CONNECTIONS", "REQUESTS", "TIMES CRANE"];
  process.stdout.write(formatTable([head, ...table]));
  const ours = rows.filter(({ name }) => name.startsWith("drayage"));
  if (crane !== undefined && ours.some(({ wall }) => wall > crane * LIMIT)) process.exitCode = 1;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

async function startChild({ pathname: path }: URL, ...args: readonly string[]) {
  const child = spawn(process.execPath, ["--no-warnings", path, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => String((await lines.next()).value);
  return {
    line,
    async ask(): Promise<string> {
      child.stdin.write("\n");
      return await line();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, "exit");
    },
  };
}
