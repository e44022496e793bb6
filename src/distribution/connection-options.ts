import { daemonProxies } from "../registry/endpoints/daemon-file.ts";
import type { ConnectionOptions } from "../registry/transport/connection-options.ts";
import type { DistributionOptions } from "./options.ts";

/**
 * How connections are made: as the options say, and where those name no proxy through docker's own. They are read once, as docker
 * does. Throws `ErrInvalidArgument` for a daemon.json that cannot be read as one.
 */
export async function connectionOptions({
  connection,
  registry = {},
}: Pick<DistributionOptions, "connection" | "registry">): Promise<ConnectionOptions> {
  const proxy = connection?.proxy ?? (await daemonProxies(registry));
  return { ...connection, proxy };
}
