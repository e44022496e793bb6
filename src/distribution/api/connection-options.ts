import { readDaemonFile } from "../../registry/endpoints/daemon-file.ts";
import { ConfigurationFiles } from "../../registry/files/configuration-files.ts";
import type { ConnectionOptions, ProxyOptions } from "../../registry/transport/connection-options.ts";
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
  let looking: Promise<ProxyOptions | undefined> | undefined;
  const look = async (): Promise<ProxyOptions | undefined> =>
    (await readDaemonFile(files, registry))?.proxies;
  const forget = (): void => {
    looking = undefined;
  };
  const proxies = (): Promise<ProxyOptions | undefined> => {
    looking ??= look().finally(forget);
    return looking;
  };
  // One look serves all requests that are made while it is under way: those of an image come in dozens.
  return { ...given, proxy: proxies };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
