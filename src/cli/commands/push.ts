import { type Command, Option } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { addRegistryOptions, openRoot, type RegistryCliOptions, registryOptions } from "../options.ts";
import { chooseReporter, PROGRESS_FORMS, type ProgressForm } from "../progress/choose-reporter.ts";

interface PushCliOptions extends RegistryCliOptions {
  readonly platform?: string;
  readonly allTags?: boolean;
  readonly quiet?: boolean;
  readonly progress: ProgressForm;
}

/** `drayage push SRC [DST]` */
export function addPushCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("push")
    .description("push an image to a registry")
    .argument("<src>", "local name")
    .argument("[dst]", "name at the registry (default: the local one)");
  addRegistryOptions(command)
    .option("--platform <os/arch[/variant]>", "push only this image of an index")
    .option("-a, --all-tags", "push every tag of the repository")
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(
      new Option("--progress <form>", "how to show progress").choices(PROGRESS_FORMS).default("auto"),
    )
    .action((source: string, target: string | undefined, options: PushCliOptions) =>
      push(source, target, { options, signal }),
    );
}

async function push(
  source: string,
  target: string | undefined,
  { options, signal }: { options: PushCliOptions; signal: AbortSignal },
): Promise<void> {
  const { domain } = parseNormalizedNamed(target ?? source);
  const reporter = await chooseReporter(options.progress, {
    quiet: options.quiet ?? false,
    stream: process.stdout,
  });
  await using distribution = await openRoot(options, registryOptions(options, domain));
  try {
    const { images } = await distribution.push(source, {
      target,
      platform: options.platform,
      allTags: options.allTags,
      signal,
      onProgress: (progress) => reporter.report(progress),
    });
    reporter.finish();
    if (!options.quiet) return;
    for (const image of images) process.stdout.write(`${image.name}@${image.target.digest}\n`);
  } catch (error) {
    reporter.finish();
    reporter.fail(error instanceof Error ? error.message : String(error));
    throw error;
  }
}
