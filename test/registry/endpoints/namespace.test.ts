import { expect, it } from "vitest";
import { namespaceFor } from "../../../src/registry/endpoints/namespace.ts";

it.each([
  ["https://registry.test/v2", "registry.test", undefined],
  ["https://registry.test/v2", "registry.test:443", undefined],
  ["http://127.0.0.1:5000/v2", "127.0.0.1:5000", undefined],
  ["https://registry-1.docker.io/v2", "docker.io", undefined],
  ["https://docker.io/v2", "docker.io", undefined],
  ["https://mirror.test/v2", "docker.io", "docker.io"],
  ["https://mirror.test/quay/v2", "quay.io", "quay.io"],
  ["https://registry.test:5000/v2", "registry.test", "registry.test"],
  ["https://registry-1.docker.io/v2", "quay.io", "quay.io"],
])("namespaceFor() tells %s, asked for %s, the namespace %s", (baseUrl, registry, namespace) => {
  expect(namespaceFor(baseUrl, registry).namespace).toBe(namespace);
});
