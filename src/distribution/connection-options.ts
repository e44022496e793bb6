import { readDaemonFile } from "../registry/endpoints/daemon-file.ts";
import { ConfigurationFiles } from "../registry/files/configuration-files.ts";
import type { ConnectionOptions } from "../registry/transport/connection-options.ts";
import type { DistributionOptions } from "./options.ts";

/**
 * How connections are made: as the options say, and where those name no proxy through docker's own, as they are now. Authorities are
 * asked for once, whoever needs them.
 */
export function connectionOptions({
  connection = {},
  registry = {},
}: Pick<DistributionOptions, "connection" | "registry">): ConnectionOptions {
  const { authorities } = connection;
  const given = {
    ...connection,
    ...(typeof authorities === "function" && { authorities: once(authorities) }),
  };
  if (connection.proxy !== undefined || registry.daemonConfig === undefined) return given;
  const files = new ConfigurationFiles();
  return { ...given, proxy: async () => (await readDaemonFile(files, registry))?.proxies };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
