import type { Command } from "commander";
import { formatBytes } from "../format-bytes.ts";
import { shownName } from "../image-names.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { printJson, printLines, printTable } from "../output.ts";

/** `drayage df` */
export function addDfCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("df").description("show where the bytes of the data root are");
  addRootOptions(command)
    .option("--json", "print exact numbers as JSON")
    .action(async (options: RootOptions & { readonly json?: boolean }) => {
      await using distribution = await openRoot(options);
      const usage = await distribution.diskUsage({ signal });
      if (options.json) {
        printJson(usage);
        return;
      }
      const { content, unreferenced, ingests, setAside, layers, unusedLayers, incompleteLayers, images } =
        usage;
      const kinds = Object.entries({
        Content: content,
        Unreferenced: unreferenced,
        Ingests: ingests,
        "Set aside": setAside,
        Layers: layers,
        "Unused layers": unusedLayers,
        ...(incompleteLayers.count > 0 && { "Incomplete layers": incompleteLayers }),
      });
      const totals = kinds.map(([kind, { count, bytes }]) => [kind, String(count), formatBytes(bytes)]);
      printTable([["TYPE", "TOTAL", "SIZE"], ...totals]);
      const rows = images.map(({ name, bytes, sharedBytes, uniqueBytes }) => [
        shownName(name),
        ...[bytes, sharedBytes, uniqueBytes].map(formatBytes),
      ]);
      printLines("");
      printTable([["NAME", "SIZE", "SHARED SIZE", "UNIQUE SIZE"], ...rows]);
    });
}
