import type { Command } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { pinnedName, pushedFacts } from "../image-names.ts";
import {
  addCopyOptions,
  addRegistryOptions,
  append,
  openRoot,
  type RegistryCliOptions,
  registryOptions,
} from "../options.ts";
import { printLines } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

interface CopyCliOptions extends RegistryCliOptions, ProgressCliOptions {
  readonly platform?: readonly string[];
  readonly referrers?: boolean;
  readonly timeout?: number;
  readonly allTags?: boolean;
  readonly checkBlobs?: boolean;
}

/** `drayage copy SRC DST` */
export function addCopyCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("copy")
    .description("copy an image or artifact from one registry to another, keeping nothing of it here")
    .argument("<src>", "name at the registry that has it")
    .argument("<dst>", "name at the registry that gets it");
  addTotalTimeout(addCopyOptions(addRegistryOptions(command)))
    .option("--platform <os/arch[/variant]>", "copy only this image of an index; may be repeated", append)
    .option("--referrers", "copy signatures and whatever else refers to it as well")
    .option("-a, --all-tags", "copy every tag of the repository")
    .option(
      "--check-blobs",
      "check blobs on their way as well, for a registry that does not check what it is given",
    )
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(progressOption())
    .action((source: string, target: string, options: CopyCliOptions) =>
      copy({ source, target }, options, signal),
    );
}

async function copy(
  { source, target }: { readonly source: string; readonly target: string },
  options: CopyCliOptions,
  signal: AbortSignal,
): Promise<void> {
  const domains = [source, target].map((name) => parseNormalizedNamed(name).domain);
  const metaHeaders = await metaHeadersOf(options);
  await using distribution = await openRoot(options, registryOptions(options, domains));
  using _ = new RegistryNotices(distribution);
  const { images } = await withReporter(
    options,
    (onProgress) =>
      distribution.copy(source, target, {
        platforms: options.platform,
        referrers: options.referrers,
        allTags: options.allTags,
        checkBlobs: options.checkBlobs,
        metaHeaders,
        timeoutMs: options.timeout,
        signal,
        onProgress,
      }),
    (result) => result.images.map(pushedFacts),
  );
  if (options.quiet) printLines(...images.map(pinnedName));
}
