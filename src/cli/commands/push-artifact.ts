import { type Command, InvalidArgumentError } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { fileArgument } from "../file-arguments.ts";
import { pinnedName, pushedFacts } from "../image-names.ts";
import {
  addPushOptions,
  addRegistryOptions,
  openRoot,
  type RegistryCliOptions,
  registryOptions,
} from "../options.ts";
import { printLines } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

interface PushArtifactCliOptions extends RegistryCliOptions, ProgressCliOptions {
  readonly artifactType?: string;
  readonly annotation?: Readonly<Record<string, string>>;
  readonly subject?: string;
  readonly configFile?: string;
  readonly timeout?: number;
}

/** `drayage push-artifact DST FILE[:TYPE]...` */
export function addPushArtifactCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("push-artifact")
    .description("push files as an artifact, from where they are")
    .argument("<dst>", "name at the registry")
    .argument(
      "[file...]",
      "FILE or FILE:MEDIATYPE; called by its path where that is below here, or else by its name",
    );
  addTotalTimeout(addPushOptions(addRegistryOptions(command)))
    .option("--artifact-type <mediatype>", "what it is; needed unless --config-file says it")
    .option("--annotation <key=value>", "annotation of its manifest; may be repeated", appendAnnotation)
    .option("--subject <ref|digest>", "what it is about, in the same repository; then it needs no tag")
    .option("--config-file <file:mediatype>", "file that is its config (default: the empty one)")
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(progressOption())
    .action((target: string, files: readonly string[], options: PushArtifactCliOptions) =>
      pushArtifact({ target, files }, options, signal),
    );
}

async function pushArtifact(
  { target, files }: { readonly target: string; readonly files: readonly string[] },
  options: PushArtifactCliOptions,
  signal: AbortSignal,
): Promise<void> {
  const { artifactType, annotation: annotations, subject, configFile } = options;
  const named = await Promise.all(files.map((file) => fileArgument(file)));
  const artifact = { files: named, artifactType, annotations, subject, config: await configOf(configFile) };
  const { domain } = parseNormalizedNamed(target);
  const metaHeaders = await metaHeadersOf(options);
  await using distribution = await openRoot(options, registryOptions(options, [domain]));
  using _ = new RegistryNotices(distribution);
  const pushed = await withReporter(
    options,
    (onProgress) =>
      distribution.pushArtifact(target, artifact, {
        metaHeaders,
        timeoutMs: options.timeout,
        signal,
        onProgress,
      }),
    (result) => [pushedFacts(result)],
  );
  if (options.quiet) printLines(pinnedName(pushed));
}

async function configOf(
  argument: string | undefined,
): Promise<{ path: string; mediaType: string } | undefined> {
  if (argument === undefined) return undefined;
  const { path, mediaType } = await fileArgument(argument);
  if (mediaType === undefined) throw new InvalidArgumentError("--config-file: wanted FILE:MEDIATYPE");
  return { path, mediaType };
}

function appendAnnotation(
  pair: string,
  previous: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const end = pair.indexOf("=");
  if (end < 1) throw new InvalidArgumentError("wanted KEY=VALUE");
  return { ...previous, [pair.slice(0, end)]: pair.slice(end + 1) };
}
