import type { Command } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { addRegistryOptions, openRoot, type RegistryCliOptions, registryOptions } from "../options.ts";
import { printLines, tellMessage } from "../output.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

/** `drayage delete REF` */
export function addDeleteCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("delete")
    .description("delete a tag, or a manifest with all its tags, at its registry; what is here stays")
    .argument("<ref>", "NAME:TAG or NAME@DIGEST");
  addTotalTimeout(addRegistryOptions(command)).action(
    async (reference: string, options: RegistryCliOptions & { readonly timeout?: number }) => {
      const named = parseNormalizedNamed(reference);
      await using distribution = await openRoot(options, registryOptions(options, [named.domain]));
      using _ = new RegistryNotices(distribution);
      const metaHeaders = await metaHeadersOf(options);
      const asked = { metaHeaders, timeoutMs: options.timeout, signal, onProgress: tellMessage };
      await distribution.delete(reference, asked);
      printLines(`Deleted: ${named.toString()}`);
    },
  );
}
