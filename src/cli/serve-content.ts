import { namespacedStore, openLocalStore, openNamespaceMetadata } from "../content.ts";
import { serveContent } from "../content-grpc.ts";
import { openLogger, type RootOptions } from "./options.ts";

/** Whose blobs are served, and to whom. */
export interface ServedContent extends RootOptions {
  readonly namespaces: "shared" | "isolated" | "off";
}

/** Serves the blobs of a data root until what `onReady` returns has settled. */
export async function serveContentOf(
  { root, namespaces, logLevel }: ServedContent,
  address: string,
  onReady: (address: string) => Promise<void>,
): Promise<void> {
  await using store = await openLocalStore({ root });
  using metadata = openNamespaceMetadata({ root });
  const storeFor = (namespace: string) =>
    namespaces === "off" ? store : namespacedStore(store, metadata, { namespace, policy: namespaces });
  const logger = await openLogger(logLevel);
  await using server = await serveContent({ store, storeFor, address, logger });
  await onReady(server.address);
}
