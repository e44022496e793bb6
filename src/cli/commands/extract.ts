import type { Command } from "commander";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { tell } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";

interface ExtractCliOptions extends RootOptions, ProgressCliOptions {
  readonly platform?: string;
  readonly followLinks?: boolean;
}

/** `drayage extract REF DIR [PATH...]` */
export function addExtractCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("extract")
    .description("make files of an image or artifact that is here in a directory, without unpacking it")
    .argument("<ref>")
    .argument("<dir>", "directory to make them in, missing or empty")
    .argument("[path...]", "which paths of the image, or titles, with all below them (default: everything)");
  addRootOptions(command)
    .option("--platform <os/arch[/variant]>", "image to take out of an index (default: this machine's)")
    .option("-L, --follow-links", "of a path that is a link make what it leads to as well")
    .option("-q, --quiet", "show no progress")
    .addOption(progressOption())
    .action((reference: string, directory: string, paths: readonly string[], options: ExtractCliOptions) =>
      extract({ reference, directory, paths }, options, signal),
    );
}

interface Wanted {
  readonly reference: string;
  readonly directory: string;
  readonly paths: readonly string[];
}

async function extract(
  { reference, directory, paths }: Wanted,
  options: ExtractCliOptions,
  signal: AbortSignal,
): Promise<void> {
  const { platform, followLinks } = options;
  await using distribution = await openRoot(options);
  const { missing } = await withReporter(options, (onProgress) =>
    distribution.extract(reference, directory, {
      paths: paths.length > 0 ? paths : undefined,
      followLinks,
      platform,
      signal,
      onProgress,
    }),
  );
  for (const one of missing) tell(`not made on this host: ${one}`);
}
