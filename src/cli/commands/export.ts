import { type Command, InvalidArgumentError } from "commander";
import { ErrInvalidArgument } from "../../errors.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";

interface ExportCliOptions extends RootOptions {
  readonly platform?: string;
}

/** `drayage export REF... FILE` */
export function addExportCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("export")
    .description("write images as an archive that docker, containerd and skopeo read")
    .argument("<ref...>", "images, and at the end the tar archive to write, or - for stdout")
    .usage("[options] <ref...> <file>");
  addRootOptions(command)
    .option("--platform <os/arch[/variant]>", "only this image of each index (default: all that are there)")
    .action(async (words: readonly string[], options: ExportCliOptions) => {
      const [references, file] = [words.slice(0, -1), words.at(-1) ?? ""];
      if (references.length === 0) throw new InvalidArgumentError("missing required argument 'file'");
      if (file === "-" && process.stdout.isTTY) {
        throw new ErrInvalidArgument("export image: stdout is a terminal, wanted a file or a pipe");
      }
      await using distribution = await openRoot(options);
      const target = file === "-" ? process.stdout : file;
      await distribution.export(references, target, { platform: options.platform, signal });
    });
}
