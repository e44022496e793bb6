import type { Command } from "commander";
import { forEachArgument } from "../for-each-argument.ts";
import { shownName } from "../image-names.ts";
import { namesMeant } from "../names-meant.ts";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { KEPT, printLines, tell, tellMessage } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";

interface RmiCliOptions extends RootOptions, PlaceCliOptions {
  readonly force?: boolean;
}

/** `drayage rmi REF...` */
export function addRmiCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("rmi")
    .description("remove names, and the content that no name needs any more")
    .argument("<ref...>", "names, or IDs, which stand for all names of their image");
  addPlaceOptions(addRootOptions(command))
    .option("-f, --force", "by ID: also when the names are of several repositories")
    .action(async (references: readonly string[], options: RmiCliOptions) => {
      await using place = await openPlace(options, signal);
      await using distribution = await openRoot(options, place.parts);
      const removeName = async (name: string): Promise<void> => {
        const { untagged, deleted, kept } = await distribution.remove(name, {
          signal,
          onProgress: tellMessage,
        });
        printLines(`Untagged: ${shownName(untagged.name)}`, ...deleted.map((digest) => `Deleted: ${digest}`));
        if (kept) tell(KEPT);
      };
      const remove = async (reference: string): Promise<void> => {
        const { force = false } = options;
        for (const name of await namesMeant(distribution.images, reference, { force, signal })) {
          await removeName(name);
        }
      };
      await forEachArgument(references, remove, signal);
    });
}
