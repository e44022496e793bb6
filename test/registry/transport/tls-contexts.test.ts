import { expect, test } from "vitest";
import { tlsContexts } from "../../../src/registry/transport/tls-contexts.ts";

test("authorities are read for the first connection that checks a certificate, and once", () => {
  let reads = 0;
  const contextFor = tlsContexts(() => {
    reads++;
    return [];
  });
  const [unchecked, checked, proxied] = [
    contextFor({ skipVerify: true }),
    contextFor(undefined),
    contextFor({}),
  ];
  expect(unchecked()).toBe(unchecked());
  expect(reads).toBe(0);
  expect(checked()).not.toBe(proxied());
  expect(reads).toBe(1);
});
