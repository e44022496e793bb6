import type { Command } from "commander";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { tellMessage } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";

/** `drayage tag SRC DST` */
export function addTagCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("tag")
    .description("give an image another name")
    .argument("<src>")
    .argument("<dst>");
  addPlaceOptions(addRootOptions(command)).action(
    async (source: string, destination: string, options: RootOptions & PlaceCliOptions) => {
      await using place = await openPlace(options, signal);
      await using distribution = await openRoot(options, place.parts);
      await distribution.tag(source, destination, { signal, onProgress: tellMessage });
    },
  );
}
