import type { Command } from "commander";
import { formatBytes } from "../format-bytes.ts";
import { shownName } from "../image-names.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printLines, printTable } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";

/** `drayage images` */
export function addImagesCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("images").description("list the images of the data root");
  addPlaceOptions(addRootOptions(command))
    .option("-q, --quiet", "print only full names")
    .action(async (options: RootOptions & PlaceCliOptions & { readonly quiet?: boolean }) => {
      await using place = await openPlace(options, signal);
      await using distribution = await openRoot(options, place.parts);
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
