import type { Command } from "commander";
import { familiarName, parseNormalizedNamed } from "../../reference.ts";
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

/** The familiar form where the name has one; names by other tools are shown as they are. */
function displayName(name: string): string {
  try {
    const reference = parseNormalizedNamed(name);
    const suffix = `${reference.tag === undefined ? "" : `:${reference.tag}`}${reference.digest === undefined ? "" : `@${reference.digest}`}`;
    return familiarName(reference) + suffix;
  } catch {
    return name;
  }
}
