import type { Command } from "commander";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";
import { tellMessage } from "../output.ts";

/** `drayage tag SRC DST` */
export function addTagCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("tag")
    .description("give an image another name")
    .argument("<src>")
    .argument("<dst>");
  addRootOptions(command).action(async (source: string, destination: string, options: RootOptions) => {
    await using distribution = await openRoot(options);
    await distribution.tag(source, destination, { signal, onProgress: tellMessage });
  });
}
