import type { Command } from "commander";
import { parseNormalizedNamed } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { addAskingOptions, openRoot, type RegistryCliOptions, registryOptions } from "../options.ts";
import { printLines, tellMessage } from "../output.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { addTotalTimeout } from "../timeouts.ts";

/** `drayage tags REPO` */
export function addTagsCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("tags")
    .description("list the tags of a repository at its registry, a line for each")
    .argument("<repo>", "name of the repository, without tag and digest");
  addTotalTimeout(addAskingOptions(command)).action(
    async (repository: string, options: RegistryCliOptions & { readonly timeout?: number }) => {
      const { domain } = parseNormalizedNamed(repository);
      await using distribution = await openRoot(options, registryOptions(options, [domain]));
      using _ = new RegistryNotices(distribution);
      const metaHeaders = await metaHeadersOf(options);
      const asked = { metaHeaders, timeoutMs: options.timeout, signal, onProgress: tellMessage };
      printLines(...(await distribution.tags(repository, asked)));
    },
  );
}
