import type { Command } from "commander";
import { parseAnyReference } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import {
  addFetchOptions,
  addRegistryOptions,
  openRoot,
  type RegistryCliOptions,
  registryOptions,
} from "../options.ts";
import { printLines, tell } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

interface FetchArtifactCliOptions extends RegistryCliOptions, ProgressCliOptions {
  readonly platform?: string;
  readonly timeout?: number;
}

/** `drayage fetch-artifact REF DIR [TITLE...]` */
export function addFetchArtifactCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("fetch-artifact")
    .description("make the files of an artifact in a directory, of what is here, or else of its registry")
    .argument("<ref>", "name, or the ID of what is here")
    .argument("<dir>", "directory to make them in; what is there already stays")
    .argument("[title...]", "which files, and directories with all below them (default: everything)");
  addTotalTimeout(addFetchOptions(addRegistryOptions(command)))
    .option(
      "--platform <os/arch[/variant]>",
      "manifest to take out of an index (default: this machine's, or any)",
    )
    .option("-q, --quiet", "print only the paths of the files")
    .addOption(progressOption())
    .action(
      (reference: string, directory: string, titles: readonly string[], options: FetchArtifactCliOptions) =>
        fetchArtifact({ reference, directory, titles }, options, signal),
    );
}

interface Wanted {
  readonly reference: string;
  readonly directory: string;
  readonly titles: readonly string[];
}

async function fetchArtifact(
  { reference, directory, titles }: Wanted,
  options: FetchArtifactCliOptions,
  signal: AbortSignal,
): Promise<void> {
  const { domain } = parseAnyReference(reference);
  const metaHeaders = await metaHeadersOf(options);
  const hosts = domain === undefined ? [] : [domain];
  await using distribution = await openRoot(options, registryOptions(options, hosts));
  using _ = new RegistryNotices(distribution);
  const { files, untitled, missing } = await withReporter(options, (onProgress) =>
    distribution.fetchArtifact(reference, directory, {
      titles: titles.length > 0 ? titles : undefined,
      platform: options.platform,
      metaHeaders,
      timeoutMs: options.timeout,
      signal,
      onProgress,
    }),
  );
  if (options.quiet) printLines(...files.map(({ path }) => path));
  for (const { digest } of untitled) tell(`no file was made of ${digest}: it has no title`);
  for (const one of missing) tell(`not made on this host: ${one}`);
}
