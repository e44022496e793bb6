import { type Command, InvalidArgumentError } from "commander";
import { formatBytes } from "../format-bytes.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printLines, tellMessage } from "../output.ts";

interface PruneCliOptions extends RootOptions {
  readonly minAge?: number;
  readonly dryRun?: boolean;
}

/** Units of an age, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `drayage prune` */
export function addPruneCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("prune")
    .description("remove content that nothing refers to, and unfinished ingests that nobody goes on with");
  addRootOptions(command)
    .option("--min-age <age>", "keep what is younger, such as 30m, 12h, 7d, or 0 (default: 24h)", parseAge)
    .option("--dry-run", "only tell what would be removed")
    .action(async ({ minAge: minAgeMs, dryRun, ...options }: PruneCliOptions) => {
      await using distribution = await openRoot(options);
      const result = await distribution.prune({ minAgeMs, dryRun, signal, onProgress: tellMessage });
      printLines(...result.deleted.map((digest) => `Deleted: ${digest}`));
      printLines(...result.discarded.map((digest) => `Discarded damaged bytes: ${digest}`));
      printLines(...result.abortedIngests.map((ref) => `Aborted: ${ref}`));
      const reclaimed = dryRun ? "Would reclaim" : "Total reclaimed space";
      printLines(`${reclaimed}: ${formatBytes(result.reclaimedBytes)}`);
    });
}

/** An age in milliseconds. */
function parseAge(value: string): number {
  const { count, unit = "s" } = /^(?<count>\d{1,9})(?<unit>[smhd])?$/.exec(value)?.groups ?? {};
  const unitMs = UNITS[unit];
  if (count === undefined || unitMs === undefined)
    throw new InvalidArgumentError("wanted such as 30m, 12h, 7d or 0");
  return Number(count) * unitMs;
}
