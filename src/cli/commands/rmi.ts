import type { Command } from "commander";
import { addRootOptions, openRoot, type RootOptions } from "../options.ts";

/** `drayage rmi REF...` */
export function addRmiCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("rmi")
    .description("remove names, and the content that no name needs any more")
    .argument("<ref...>");
  addRootOptions(command).action(async (references: readonly string[], options: RootOptions) => {
    await using distribution = await openRoot(options);
    for (const reference of references) {
      const { untagged, deleted, kept } = await distribution.remove(reference, { signal });
      process.stdout.write(`Untagged: ${untagged.name}\n`);
      for (const digest of deleted) process.stdout.write(`Deleted: ${digest}\n`);
      if (kept) process.stderr.write("drayage: content in use is kept, and goes when that use ends\n");
    }
  });
}
