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
  // One look serves all requests of a turn of the event loop: those of an image come in dozens.
  const proxies = (): Promise<ProxyOptions | undefined> => {
    if (looking) return looking;
    looking = look();
    setImmediate(forget);
    return looking;
  };
  return { ...given, proxy: proxies };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
