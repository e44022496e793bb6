import type { Command } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { pinnedName } from "../image-names.ts";
import {
  addPullOptions,
  addRegistryOptions,
  openRoot,
  type RegistryCliOptions,
  registryOptions,
} from "../options.ts";
import { printLines, tell } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";

interface PullCliOptions extends RegistryCliOptions, ProgressCliOptions {
  readonly platform?: string;
  readonly allPlatforms?: boolean;
  readonly allTags?: boolean;
}

/** `drayage pull REF` */
export function addPullCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("pull").description("pull an image from a registry").argument("<ref>");
  addPullOptions(addRegistryOptions(command))
    .option("--platform <os/arch[/variant]>", "image to take out of an index (default: this machine's)")
    .option("--all-platforms", "take every image of an index")
    .option("-a, --all-tags", "pull every tag of the repository")
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(progressOption())
    .action((reference: string, options: PullCliOptions) => pull(reference, options, signal));
}

async function pull(reference: string, options: PullCliOptions, signal: AbortSignal): Promise<void> {
  const { domain } = parseNormalizedNamed(reference);
  await using distribution = await openRoot(options, registryOptions(options, domain));
  const { images } = await withReporter(options, (onProgress) =>
    distribution.pull(reference, {
      platform: options.platform,
      allPlatforms: options.allPlatforms,
      allTags: options.allTags,
      signal,
      onProgress,
    }),
  );
  // Otherwise they are among the lines of the progress.
  if (options.quiet) for (const warning of images.flatMap(({ warnings }) => warnings)) tell(warning);
  if (options.progress === "json" && !options.quiet) return;
  printLines(...images.map((image) => (options.quiet ? pinnedName(image) : image.name)));
}
