import { readDaemonFile } from "../registry/endpoints/daemon-file.ts";
import { ConfigurationFiles } from "../registry/files/configuration-files.ts";
import type { ConnectionOptions } from "../registry/transport/connection-options.ts";
import type { DistributionOptions } from "./options.ts";

/** How connections are made: as the options say, and where those name no proxy through docker's own, as they are now. */
export function connectionOptions({
  connection,
  registry = {},
}: Pick<DistributionOptions, "connection" | "registry">): ConnectionOptions {
  if (connection?.proxy !== undefined || registry.daemonConfig === undefined) return connection ?? {};
  const files = new ConfigurationFiles();
  return { ...connection, proxy: async () => (await readDaemonFile(files, registry))?.proxies };
}
