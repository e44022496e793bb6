import type { Command } from "commander";
import { pinnedName } from "../image-names.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printLines } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";

interface ImportCliOptions extends RootOptions, ProgressCliOptions {}

/** `drayage import LAYOUT [NAME]` */
export function addImportCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("import")
    .description("take images in from an OCI layout or a docker archive")
    .argument(
      "<layout>",
      "directory, tar archive (plain, gzip, zstd, xz, bzip2), or - for an archive on stdin",
    )
    .argument("[name]", "name in place of the archive's own");
  addRootOptions(command)
    .option("-q, --quiet", "print only full names and digests")
    .addOption(progressOption())
    .action((layout: string, name: string | undefined, options: ImportCliOptions) =>
      importLayout(layout, { name, ...options }, signal),
    );
}

async function importLayout(
  layout: string,
  options: ImportCliOptions & { readonly name: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  await using distribution = await openRoot(options);
  try {
    const images = await withReporter(options, (onProgress) =>
      distribution.import(layout === "-" ? process.stdin : layout, {
        name: options.name,
        signal,
        onProgress,
      }),
    );
    if (!options.quiet) return; // each image was told as it was loaded
    printLines(...images.map(pinnedName));
  } finally {
    if (layout === "-") process.stdin.destroy(); // a writer that hangs must not keep the process
  }
}
