import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ProxyStore, proxyStore } from "../../../src/content/grpc/proxy-store.ts";
import { namespacedStore, type SharingPolicy } from "../../../src/content/namespaces/namespaced-store.ts";
import { openNamespaceMetadata } from "../../../src/content/namespaces/sqlite-namespace-metadata.ts";
import { writeBlob } from "../../../src/content/write-blob.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { METADATA_WORDS } from "../../../src/testing/store-contract/store-traits.ts";
import { describeStore } from "../store-suite.ts";
import { describeNamespaces, type NamespacesFixture } from "../suite/namespaces.ts";
import { startService } from "./support/service.ts";

/** Proxies of a service that separates namespaces, as `drayage serve` does. */
async function startNamespaces(
  policy: SharingPolicy,
  { restarted = false } = {},
): Promise<NamespacesFixture> {
  const service = await startService({
    storeFor: (namespace) => namespacedStore(service.store, metadata, { namespace, policy }),
  });
  const metadata = openNamespaceMetadata({ root: join(service.folder, "root") });
  const proxies = new Map<string, ProxyStore>();
  const store = (namespace: string): ProxyStore => {
    const proxy = proxies.get(namespace) ?? proxyStore({ address: service.address, namespace });
    proxies.set(namespace, proxy);
    return proxy;
  };
  if (restarted) {
    for (const namespace of ["one", "two", "three"]) await store(namespace).listStatuses();
    await service.restart();
  }
  return {
    store,
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
    const traits = { readsDeleted: false, words: METADATA_WORDS };
    return { store: namespaces.store("default"), traits, dispose: () => namespaces.dispose() };
  });

  describeNamespaces(`proxies of namespaces, ${policy}`, policy, () => startNamespaces(policy));

  describeNamespaces(`proxies of namespaces after a restart of the service, ${policy}`, policy, () =>
    startNamespaces(policy, { restarted: true }),
  );
}

describe("the digest that a proxy's writer tells as soon as it is open", () => {
  const BYTES = Buffer.from("foobar");
  const HINTS = { ref: "ref", size: 6, expected: digestOf(BYTES) };

  it.each([
    ["shared", digestOf(BYTES)],
    ["isolated", digestOf("")],
  ] as const)("is that of the bytes it has: %s content of another namespace", async (policy, digest) => {
    const namespaces = await startNamespaces(policy);
    await writeBlob(namespaces.store("one"), "ref", BYTES);
    const writer = await namespaces.store("two").writer(HINTS);
    expect(writer.digest()).toBe(digest);
    await writer.close();
    await namespaces.dispose();
  });

  it("is that of the bytes it has: none, then what an earlier writer left", async () => {
    const namespaces = await startNamespaces("shared");
    const store = namespaces.store("one");
    const first = await store.writer(HINTS);
    expect(first.digest()).toBe(digestOf(""));
    await first.write(BYTES.subarray(0, 3));
    expect(first.digest()).toBe(digestOf("foo"));
    await first.close();
    const second = await store.writer(HINTS);
    expect(second.digest()).toBe(digestOf("foo"));
    await second.close();
    await namespaces.dispose();
  });
});
