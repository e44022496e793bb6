import type { AbortOptions } from "../async/abort.ts";
import { type ProxyStore, storeBehind } from "../content/grpc/proxy-store.ts";
import type { ServiceClient } from "../content/grpc/service-client.ts";
import type { CollectedStore } from "../content/ownership/owned-store.ts";
import type { Digest } from "../digest/digest.ts";
import type { Leases, LetGo } from "./leases.ts";

/** The content store of a containerd, which can be kept from collecting what work needs. */
export interface LeasedStore extends ProxyStore, CollectedStore {
  /**
   * Keeps what is written or asked for from now on, until the function is called that it resolves to, which never rejects; a day
   * at most. Throws what the service throws.
   */
  hold(options?: AbortOptions): Promise<LetGo>;
}

/** The content store behind a client: what is looked at while somebody holds a lease stays as long as the lease. */
export function leasedStore(client: ServiceClient, leases: Leases): LeasedStore {
  const store = storeBehind(client);
  const look = store.info.bind(store);
  return Object.assign(store, {
    hold: (options?: AbortOptions) => leases.hold(options),
    async info(digest: Digest, options: AbortOptions = {}) {
      await leases.keep({ type: "content", id: digest }, options); // first, because it may go at any moment
      return await look(digest, options);
    },
  });
}
