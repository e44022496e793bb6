import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { formatTable } from "../../src/cli/format-table.ts";
import type { CrowdFigures } from "./crowd-child.ts";
import type { Registries } from "./registries.ts";

const CHILD = new URL("crowd-child.ts", import.meta.url).pathname;

/** Open files that a process is allowed, beside none. */
const FEW_DESCRIPTORS = 256;

/** What a crowd is, and how it is measured. */
export interface CrowdsOptions {
  readonly runs: number;
  readonly data: string;
}

/** Many pulls at once, in a process of their own, with many and with few descriptors; prints a table. */
export async function measureCrowds(registries: Registries, { runs, data }: CrowdsOptions): Promise<void> {
  const rows: string[][] = [];
  for (const crowd of ["same", "different"] as const) {
    for (const limit of [undefined, FEW_DESCRIPTORS]) {
      const measured: (CrowdFigures & { requests: number; most: number; sockets: number; tokens: number })[] =
        [];
      for (let run = 0; run < runs; run++) {
        const root = await mkdtemp(join(data, "drayage-bench-"));
        await registries.asked();
        const figures = await runChild([crowd, root, registries.hosts.guarded], limit);
        const { asked, mostSockets } = await registries.asked();
        const gets = Object.entries(asked).filter(([request]) => request.startsWith("GET /v2/"));
        measured.push({
          ...figures,
          requests: gets.length,
          most: Math.max(...gets.map(([, count]) => count)),
          sockets: mostSockets,
          tokens: asked["GET token"] ?? 0,
        });
        await rm(root, { recursive: true });
      }
      const middle = (pick: (figures: (typeof measured)[number]) => number): number =>
        measured.map(pick).toSorted((a, b) => a - b)[measured.length >> 1] ?? Number.NaN;
      rows.push([
        `${measured[0]?.pulls} pulls of ${crowd === "same" ? "one image" : "as many images"}`,
        String(limit ?? "-"),
        `${middle(({ wallMs }) => wallMs / 1_000).toFixed(2)} s`,
        `${middle(({ cpuMs }) => cpuMs / 1_000).toFixed(2)} s`,
        `${middle(({ loopP99Ms }) => loopP99Ms).toFixed(0)} ms`,
        `${(middle(({ bytesPerPull }) => bytesPerPull) / 1_024).toFixed(1)} KiB`,
        String(middle(({ failed }) => failed)),
        String(middle(({ most }) => most)),
        String(middle(({ tokens }) => tokens)),
        String(middle(({ sockets }) => sockets)),
      ]);
    }
  }
  console.log(`\nMany pulls at once in one process, medians of ${runs}:`);
  const head = [
    "CROWD",
    "ULIMIT -N",
    "WALL",
    "CPU",
    "LOOP P99",
    "PER PULL",
    "FAILED",
    "GETS OF ONE",
    "TOKENS",
    "SOCKETS",
  ];
  process.stdout.write(formatTable([head, ...rows]));
}

async function runChild(args: readonly string[], limit: number | undefined): Promise<CrowdFigures> {
  const command = `${limit === undefined ? "" : `ulimit -n ${limit} && `}exec "$0" "$@"`;
  const child = spawn(
    "sh",
    ["-c", command, process.execPath, "--expose-gc", "--no-warnings", CHILD, ...args],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  return JSON.parse(await text(child.stdout)) as CrowdFigures;
}
