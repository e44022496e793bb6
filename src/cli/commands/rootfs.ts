import { resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printJson, tell } from "../output.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";
import { tellLacking } from "../tell-lacking.ts";

interface RootfsCliOptions extends RootOptions, ProgressCliOptions {
  readonly platform?: string;
  readonly sharing?: "reflink" | "hardlink" | "copy";
  readonly mounts?: boolean;
  readonly upper?: string;
  readonly work?: string;
}

/** `drayage rootfs REF [DIR]` */
export function addRootfsCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("rootfs")
    .description("make the root file system of an image that is here, or print the mounts that show it")
    .argument("<ref>")
    .argument("[dir]", "directory to make it in, missing or empty");
  addRootOptions(command)
    .option("--platform <os/arch[/variant]>", "image to take out of an index (default: this machine's)")
    .addOption(
      new Option(
        "--sharing <how>",
        "what files share with the unpacked layers (default: reflink or copy)",
      ).choices(["reflink", "hardlink", "copy"]),
    )
    .option(
      "--mounts",
      "print the mounts as JSON, as containerd's snapshotters give them; nothing is mounted",
    )
    .option("--upper <dir>", "with --mounts: where changes go")
    .option("--work <dir>", "with --mounts and --upper: overlayfs's work directory, on the same file system")
    .option("-q, --quiet", "show no progress")
    .addOption(progressOption())
    .action(async (reference: string, directory: string | undefined, options: RootfsCliOptions) => {
      if (options.mounts) await printMounts(reference, options, signal);
      else if (directory === undefined) throw new InvalidArgumentError("wanted a directory, or --mounts");
      else await assemble(reference, directory, options, signal);
    });
}

async function assemble(
  reference: string,
  directory: string,
  options: RootfsCliOptions,
  signal: AbortSignal,
): Promise<void> {
  const { platform, sharing } = options;
  await using distribution = await openRoot(options, { layers: true });
  tellLacking(distribution);
  const { warnings } = await withReporter(options, (onProgress) =>
    distribution.assemble(reference, directory, { platform, sharing, signal, onProgress }),
  );
  for (const warning of warnings) tell(warning);
}

/** A program reads this: nothing else goes to stdout. */
async function printMounts(reference: string, options: RootfsCliOptions, signal: AbortSignal): Promise<void> {
  const { platform, upper, work } = options;
  if ((upper === undefined) !== (work === undefined)) {
    throw new InvalidArgumentError("wanted both of --upper and --work, or none");
  }
  await using distribution = await openRoot(options, { layers: true });
  tellLacking(distribution);
  const { chainIds, warnings } = await distribution.unpack(reference, { platform, signal });
  for (const warning of warnings) tell(warning);
  const writable =
    upper === undefined || work === undefined
      ? undefined
      : { upperDir: resolve(upper), workDir: resolve(work) };
  const mounts = await distribution.layers?.mounts(chainIds, { writable });
  if (mounts) printJson(mounts);
}
