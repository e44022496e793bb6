import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { formatTable } from "../../src/cli/format-table.ts";
import { startEngine } from "./run-engine.ts";

/** Layers of one gibibyte each, in files of 16 MiB. */
const [LAYERS, FILES, FILE_BYTES] = [4, 64, 16 * 1024 * 1024];

/** What an engine may take while it unpacks them. */
const [MAX_PEAK_MIB, MAX_LOOP_P99_MS] = [400, 30];

const REGISTRY = join(import.meta.dirname, "large-image-child.ts");

const { values } = parseArgs({
  options: {
    /** A file system with 7 GiB of room; the default is in memory, so that no disk is measured. */
    data: { type: "string", default: "/dev/shm" },
    runs: { type: "string", default: "3" },
  },
});
const registry = spawn(process.execPath, [REGISTRY, ...[LAYERS, FILES, FILE_BYTES].map(String)], {
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const [reference] = (await once(createInterface(registry.stdout), "line")) as [string];
  const rows: string[][] = [];
  for (let run = 0; run < Number(values.runs); run++) rows.push(await measure(reference));
  console.log(
    `\n${LAYERS} layers of 1 GiB pulled and unpacked by an engine; wanted: at most ${MAX_PEAK_MIB} MiB, p99 ${MAX_LOOP_P99_MS} ms`,
  );
  process.stdout.write(formatTable([["WALL S", "CPU S", "PEAK MIB", "LOOP P99 MS", "LOOP MAX MS"], ...rows]));
} finally {
  registry.kill();
}

async function measure(reference: string): Promise<string[]> {
  const root = await mkdtemp(join(values.data, "drayage-large-"));
  try {
    await using engine = startEngine();
    const cost = await engine.ask({ root, reference });
    if (cost.peakMib > MAX_PEAK_MIB || cost.loopP99Ms > MAX_LOOP_P99_MS) process.exitCode = 1;
    return [
      cost.wallSeconds.toFixed(2),
      cost.cpuSeconds.toFixed(2),
      cost.peakMib.toFixed(0),
      cost.loopP99Ms.toFixed(1),
      cost.loopMaxMs.toFixed(1),
    ];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
