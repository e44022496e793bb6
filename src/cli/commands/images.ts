import type { Command } from "commander";
import { displayName } from "../display-name.ts";
import { formatBytes } from "../format-bytes.ts";
import { formatTable } from "../format-table.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";

/** `drayage images` */
export function addImagesCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("images").description("list the images of the data root");
  addRootOptions(command)
    .option("-q, --quiet", "print only full names")
    .action(async (options: RootOptions & { readonly quiet?: boolean }) => {
      await using distribution = await openRoot(options);
      const images = await distribution.images.list({ signal });
      if (options.quiet) {
        for (const { name } of images) process.stdout.write(`${name}\n`);
        return;
      }
      const rows = [["NAME", "DIGEST", "SIZE"]];
      for (const { name, target } of images) {
        const size = await distribution.sizeOf(target, { signal });
        rows.push([displayName(name), target.digest.slice(0, 19), formatBytes(size)]);
      }
      process.stdout.write(formatTable(rows));
    });
}
