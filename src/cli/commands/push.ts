import { type Command, InvalidArgumentError } from "commander";
import { parseAnyReference } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { pinnedName, pushedFacts } from "../image-names.ts";
import {
  addPushOptions,
  addRegistryOptions,
  openRoot,
  type RegistryCliOptions,
  registryOptions,
} from "../options.ts";
import { printLines } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

interface PushCliOptions extends RegistryCliOptions, ProgressCliOptions, PlaceCliOptions {
  readonly platform?: string;
  readonly timeout?: number;
  readonly allTags?: boolean;
}

/** `drayage push SRC [DST]` */
export function addPushCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("push")
    .description("push an image to a registry")
    .argument("<src>", "local name, or with another one for the registry an ID")
    .argument("[dst]", "name at the registry (default: the local one)");
  addPlaceOptions(addTotalTimeout(addPushOptions(addRegistryOptions(command))))
    .option("--platform <os/arch[/variant]>", "push only this image of an index")
    .option("-a, --all-tags", "push every tag of the repository")
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(progressOption())
    .action((source: string, target: string | undefined, options: PushCliOptions) =>
      push(source, target, { options, signal }),
    );
}

async function push(
  source: string,
  target: string | undefined,
  { options, signal }: { options: PushCliOptions; signal: AbortSignal },
): Promise<void> {
  const { domain } = parseAnyReference(target ?? source);
  if (domain === undefined)
    throw new InvalidArgumentError("of an ID alone: wanted a name at the registry as well");
  const metaHeaders = await metaHeadersOf(options);
  await using place = await openPlace(options, signal);
  await using distribution = await openRoot(options, {
    ...registryOptions(options, [domain]),
    ...place.parts,
  });
  using _ = new RegistryNotices(distribution);
  const { images } = await withReporter(
    options,
    (onProgress) =>
      distribution.push(source, {
        target,
        platform: options.platform,
        allTags: options.allTags,
        metaHeaders,
        timeoutMs: options.timeout,
        signal,
        onProgress,
      }),
    (result) => result.images.map(pushedFacts),
  );
  if (options.quiet) printLines(...images.map(pinnedName));
}
