import { ConfigurationFiles } from "../configuration/configuration-files.ts";
import type { DaemonFile, DaemonProxies } from "../configuration/daemon-json.ts";
import { parseInsecureRegistries } from "./insecure.ts";
import { mirrorBaseUrl } from "./mirror.ts";
import type { RegistryOptions } from "./registry-options.ts";

/** The proxies that docker's daemon.json names; `undefined` when it names none. Throws what `parseDaemonJson` throws. */
export async function daemonProxies(options: RegistryOptions): Promise<DaemonProxies | undefined> {
  return (await readDaemonFile(new ConfigurationFiles(), options))?.proxies;
}

/** What docker's daemon.json says about registries; `undefined` when there is none. Throws what `parseDaemonJson` throws. */
export async function readDaemonFile(
  files: ConfigurationFiles,
  { daemonConfig }: RegistryOptions,
): Promise<DaemonFile | undefined> {
  if (daemonConfig === undefined) return undefined;
  return await files.read(daemonConfig, async (text, path) => {
    // Loaded here with its parser, because most machines have no such file.
    const { parseDaemonJson } = await import("../configuration/daemon-json.ts");
    return parseDaemonJson(text, path, {
      mirror: mirrorBaseUrl,
      insecureRegistry: (entry) => parseInsecureRegistries([entry]),
    });
  });
}
