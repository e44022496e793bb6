import type { Command } from "commander";
import { formatBytes } from "../format-bytes.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printLines, tellMessage } from "../output.ts";
import { parseDuration } from "../quantities.ts";

interface PruneCliOptions extends RootOptions {
  readonly minAge?: number;
  readonly dryRun?: boolean;
}

/** `drayage prune` */
export function addPruneCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("prune")
    .description("remove content that nothing refers to, and unfinished ingests that nobody goes on with");
  addRootOptions(command)
    .option(
      "--min-age <age>",
      "keep what is younger, such as 30m, 12h, 7d, or 0 (default: 24h)",
      parseDuration,
    )
    .option("--dry-run", "only tell what would be removed")
    .action(async ({ minAge: minAgeMs, dryRun, ...options }: PruneCliOptions) => {
      await using distribution = await openRoot(options);
      const result = await distribution.prune({ minAgeMs, dryRun, signal, onProgress: tellMessage });
      printLines(...result.deleted.map((digest) => `Deleted: ${digest}`));
      printLines(...result.discarded.map((digest) => `Discarded damaged bytes: ${digest}`));
      printLines(...result.abortedIngests.map((ref) => `Aborted: ${ref}`));
      printLines(...result.layers.map((chainId) => `Deleted layer: ${chainId}`));
      const reclaimed = dryRun ? "Would reclaim" : "Total reclaimed space";
      printLines(`${reclaimed}: ${formatBytes(result.reclaimedBytes)}`);
    });
}
