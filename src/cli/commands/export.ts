import type { Command } from "commander";
import { ErrInvalidArgument } from "../../errors.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";

interface ExportCliOptions extends RootOptions {
  readonly platform?: string;
}

/** `drayage export REF FILE` */
export function addExportCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("export")
    .description("write an image as an archive that docker, containerd and skopeo read")
    .argument("<ref>")
    .argument("<file>", "tar archive to write, or - for stdout");
  addRootOptions(command)
    .option("--platform <os/arch[/variant]>", "only this image of an index (default: all that are there)")
    .action(async (reference: string, file: string, options: ExportCliOptions) => {
      if (file === "-" && process.stdout.isTTY) {
        throw new ErrInvalidArgument("export image: stdout is a terminal, wanted a file or a pipe");
      }
      await using distribution = await openRoot(options);
      const target = file === "-" ? process.stdout : file;
      await distribution.export(reference, target, { platform: options.platform, signal });
    });
}
