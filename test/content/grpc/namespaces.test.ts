import { join } from "node:path";
import { type ProxyStore, proxyStore } from "../../../src/content/grpc/proxy-store.ts";
import { namespacedStore, type SharingPolicy } from "../../../src/content/namespaces/namespaced-store.ts";
import { openNamespaceMetadata } from "../../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { describeStore } from "../store-suite.ts";
import { describeNamespaces, type NamespacesFixture } from "../suite/namespaces.ts";
import { startService } from "./support/service.ts";

/** Proxies of a service that separates namespaces, as `drayage serve` does. */
async function startNamespaces(policy: SharingPolicy): Promise<NamespacesFixture> {
  const service = await startService({
    storeFor: (namespace) => namespacedStore(service.store, metadata, { namespace, policy }),
  });
  const metadata = openNamespaceMetadata({ root: join(service.folder, "root") });
  const proxies = new Map<string, ProxyStore>();
  return {
    store(namespace) {
      const proxy = proxies.get(namespace) ?? proxyStore({ address: service.address, namespace });
      proxies.set(namespace, proxy);
      return proxy;
    },
    label: (namespace, key, value) => metadata.labelNamespace(namespace, { [key]: value }),
    async dispose() {
      for (const proxy of proxies.values()) await proxy.close();
      metadata.close();
      await service.dispose();
    },
  };
}

for (const policy of ["shared", "isolated"] as const) {
  describeStore(`proxyStore() of a namespace, ${policy}`, async () => {
    const namespaces = await startNamespaces(policy);
    return { store: namespaces.store("default"), dispose: () => namespaces.dispose() };
  });

  describeNamespaces(`proxies of namespaces, ${policy}`, policy, () => startNamespaces(policy));
}
