import type { Command } from "commander";
import { formatBytes } from "../format-bytes.ts";
import { shownName } from "../image-names.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printLines, printTable } from "../output.ts";

/** `drayage images` */
export function addImagesCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("images").description("list the images of the data root");
  addRootOptions(command)
    .option("-q, --quiet", "print only full names")
    .action(async (options: RootOptions & { readonly quiet?: boolean }) => {
      await using distribution = await openRoot(options);
      const images = await distribution.images.list({ signal });
      if (options.quiet) {
        printLines(...images.map(({ name }) => name));
        return;
      }
      const rows = [["NAME", "DIGEST", "SIZE"]];
      for (const { name, target } of images) {
        const size = await distribution.sizeOf(target, { signal });
        rows.push([shownName(name), target.digest.slice(0, 19), formatBytes(size)]);
      }
      printTable(rows);
    });
}
