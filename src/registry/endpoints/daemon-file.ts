import type { DaemonFile } from "../configuration/daemon-json.ts";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import { proxyServer } from "../http/proxy-server.ts";
import { parseInsecureRegistries } from "./insecure.ts";
import { mirrorBaseUrl } from "./mirror.ts";
import { pathsOf } from "./path-list.ts";
import type { RegistryOptions } from "./registry-options.ts";

/** What docker's daemon.json says about registries; `undefined` when there is none. Throws what `parseDaemonJson` throws. */
export async function readDaemonFile(
  files: ConfigurationFiles,
  { daemonConfig }: Pick<RegistryOptions, "daemonConfig">,
): Promise<DaemonFile | undefined> {
  for (const place of pathsOf(daemonConfig)) {
    const file = await files.read(place, parse);
    if (file) return file;
  }
  return undefined;
}

async function parse(text: string, path: string): Promise<DaemonFile> {
  // Loaded here with its parser, because most machines have no such file.
  const { parseDaemonJson } = await import("../configuration/daemon-json.ts");
  return parseDaemonJson(text, path, {
    mirror: mirrorBaseUrl,
    insecureRegistry: (entry) => parseInsecureRegistries([entry]),
    proxy: proxyServer,
  });
}
