import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/format-table.ts";
import { openDistribution } from "../../src/index.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    layers: { type: "string", default: "256" },
    bytes: { type: "string", default: String(64 * 1_024) },
    /** Time of a round trip, in milliseconds. */
    trip: { type: "string", default: "50" },
    /** A memory file system, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
  },
});
const [runs, layers, tripMs] = [Number(values.runs), Number(values.layers), Number(values.trip)];

/** A pull may take so many times what its round trips take over as many connections as the budget allows. */
const LIMIT = 1.5;

/** Connections of the budget for blobs: the last one is for documents. */
const CONNECTIONS = 31;

/** One for the root of the API, one for the manifest, one for the first connections. */
const TRIPS_BEFORE = 3;

await using registry = await startChild(
  new URL("registry-child.ts", import.meta.url),
  values.layers,
  values.bytes,
);
await using slow = await startChild(
  new URL("delay-child.ts", import.meta.url),
  String(registry.port),
  String(tripMs / 2),
);

const rows: string[][] = [];
let missed = false;
for (const [title, concurrency] of [
  ["as many layers at once as the budget allows", 0],
  ["three layers at once, the default", 3],
] as const) {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await pull(concurrency));
  const ms = times.toSorted((a, b) => a - b)[runs >> 1] ?? Number.NaN;
  const boundMs = (TRIPS_BEFORE + Math.ceil(layers / (concurrency || CONNECTIONS))) * tripMs;
  missed ||= ms > boundMs * LIMIT;
  rows.push([title, `${ms.toFixed(0)} ms`, `${boundMs} ms`, (ms / boundMs).toFixed(2)]);
}
process.stdout.write(
  `${layers} layers of ${values.bytes} bytes, round trips of ${tripMs} ms, medians of ${runs}, limit ${LIMIT}\n\n`,
);
process.stdout.write(formatTable([["PULL", "TOOK", "ROUND TRIPS", "RATIO"], ...rows]));
if (missed) process.exitCode = 1;

async function pull(maxConcurrentDownloads: number): Promise<number> {
  const root = await mkdtemp(join(values.data, "drayage-bench-"));
  await using distribution = await openDistribution({
    root,
    maxConcurrentDownloads,
    registry: { plainHttp: true },
  });
  const start = performance.now();
  await distribution.pull(`127.0.0.1:${slow.port}/bench/many:v1`, { platform: "linux/amd64" });
  const ms = performance.now() - start;
  await rm(root, { recursive: true });
  return ms;
}

async function startChild({ pathname: path }: URL, ...args: readonly string[]) {
  const child = spawn(process.execPath, ["--no-warnings", path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout);
  const [line] = (await once(lines, "line")) as [string];
  return {
    port: Number(line),
    async [Symbol.asyncDispose]() {
      child.kill();
    },
  };
}
