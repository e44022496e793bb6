import type { Command } from "commander";
import { forEachArgument } from "../for-each-argument.ts";
import { shownName } from "../image-names.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { KEPT, printLines, tell, tellMessage } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";

/** `drayage rmi REF...` */
export function addRmiCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("rmi")
    .description("remove names, and the content that no name needs any more")
    .argument("<ref...>");
  addPlaceOptions(addRootOptions(command)).action(
    async (references: readonly string[], options: RootOptions & PlaceCliOptions) => {
      await using place = await openPlace(options, signal);
      await using distribution = await openRoot(options, place.parts);
      const remove = async (reference: string): Promise<void> => {
        const { untagged, deleted, kept } = await distribution.remove(reference, {
          signal,
          onProgress: tellMessage,
        });
        printLines(`Untagged: ${shownName(untagged.name)}`, ...deleted.map((digest) => `Deleted: ${digest}`));
        if (kept) tell(KEPT);
      };
      await forEachArgument(references, remove, signal);
    },
  );
}
