import { serveDockerApi } from "../docker-api.ts";
import { logIn } from "../index.ts";
import {
  openLogger,
  openRoot,
  type RegistryCliOptions,
  reachingOptions,
  registryOptions,
} from "./options.ts";

/** Whose images are served, and how registries are reached for them. */
export interface ServedImages extends RegistryCliOptions {
  readonly unpack?: boolean;
}

/**
 * Serves the images of a data root until what `onReady` returns has settled. Clients send their own credentials: those of whoever
 * runs this are used for nobody, because they would be for all who may use the socket.
 */
export async function serveDockerApiOf(
  options: ServedImages,
  address: string,
  onReady: (address: string) => Promise<void>,
): Promise<void> {
  const trusting = options.insecure ? { skipTlsVerify: true } : {};
  const parts = registryOptions(options, []);
  await using distribution = await openRoot(options, {
    ...parts,
    registry: { ...parts.registry, ...trusting },
    credentials: undefined,
    layers: options.unpack ?? false,
    watch: true, // other commands may have the same root
  });
  const { registry, connection } = reachingOptions(options, []);
  await using server = await serveDockerApi({
    distribution,
    address,
    logger: await openLogger(options.logLevel),
    logIn: (host, login) => logIn(host, { ...login, registry: { ...registry, ...trusting }, connection }),
  });
  await onReady(server.address);
}
