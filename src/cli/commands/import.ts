import { type Command, Option } from "commander";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { chooseReporter, PROGRESS_FORMS, type ProgressForm } from "../progress/choose-reporter.ts";

interface ImportCliOptions extends RootOptions {
  readonly quiet?: boolean;
  readonly progress: ProgressForm;
}

/** `drayage import LAYOUT [NAME]` */
export function addImportCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("import")
    .description("take images in from an OCI layout or a docker archive")
    .argument("<layout>", "directory, tar archive (plain, gzip, zstd), or - for an archive on stdin")
    .argument("[name]", "name in place of the archive's own");
  addRootOptions(command)
    .option("-q, --quiet", "print only full names and digests")
    .addOption(
      new Option("--progress <form>", "how to show progress").choices(PROGRESS_FORMS).default("auto"),
    )
    .action((layout: string, name: string | undefined, options: ImportCliOptions) =>
      importLayout(layout, { name, ...options }, signal),
    );
}

async function importLayout(
  layout: string,
  options: ImportCliOptions & { readonly name: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  const reporter = await chooseReporter(options.progress, {
    quiet: options.quiet ?? false,
    stream: process.stdout,
  });
  await using distribution = await openRoot(options);
  try {
    const images = await distribution.import(layout === "-" ? process.stdin : layout, {
      name: options.name,
      signal,
      onProgress: (progress) => reporter.report(progress),
    });
    reporter.finish();
    if (!options.quiet) return; // each image was told as it was loaded
    for (const { name, target } of images) {
      process.stdout.write(`${name.includes("@") ? name : `${name}@${target.digest}`}\n`);
    }
  } catch (error) {
    reporter.finish();
    reporter.fail(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    if (layout === "-") process.stdin.destroy(); // a writer that hangs must not keep the process
  }
}
