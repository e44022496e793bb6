import { type Command, Option } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { addRegistryOptions, openRoot, type RegistryCliOptions, registryOptions } from "../options.ts";
import { chooseReporter, PROGRESS_FORMS, type ProgressForm } from "../progress/choose-reporter.ts";

interface PullCliOptions extends RegistryCliOptions {
  readonly platform?: string;
  readonly allPlatforms?: boolean;
  readonly allTags?: boolean;
  readonly quiet?: boolean;
  readonly progress: ProgressForm;
}

/** `drayage pull REF` */
export function addPullCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("pull").description("pull an image from a registry").argument("<ref>");
  addRegistryOptions(command)
    .option("--platform <os/arch[/variant]>", "image to take out of an index (default: this machine's)")
    .option("--all-platforms", "take every image of an index")
    .option("-a, --all-tags", "pull every tag of the repository")
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(
      new Option("--progress <form>", "how to show progress").choices(PROGRESS_FORMS).default("auto"),
    )
    .action((reference: string, options: PullCliOptions) => pull(reference, options, signal));
}

async function pull(reference: string, options: PullCliOptions, signal: AbortSignal): Promise<void> {
  const { domain } = parseNormalizedNamed(reference);
  const reporter = await chooseReporter(options.progress, {
    quiet: options.quiet ?? false,
    stream: process.stdout,
  });
  await using distribution = await openRoot(options, registryOptions(options, domain));
  try {
    const { images } = await distribution.pull(reference, {
      platform: options.platform,
      allPlatforms: options.allPlatforms,
      allTags: options.allTags,
      signal,
      onProgress: (progress) => reporter.report(progress),
    });
    reporter.finish();
    if (options.progress === "json" && !options.quiet) return;
    for (const { name, target } of images) {
      const pinned = name.includes("@") ? name : `${name}@${target.digest}`;
      process.stdout.write(`${options.quiet ? pinned : name}\n`);
    }
  } catch (error) {
    reporter.finish();
    reporter.fail(error instanceof Error ? error.message : String(error));
    throw error;
  }
}
