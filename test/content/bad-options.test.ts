import { describe, expect, it } from "vitest";
import { openLocalStore, openNamespaceMetadata } from "../../src/content.ts";
import { proxyStore, serveContent } from "../../src/content-grpc.ts";
import { ErrInvalidArgument } from "../../src/errors.ts";

/** Options as a caller in plain JavaScript may give them. */
function untyped(value: unknown): never {
  return value as never;
}

describe("a store opened with options that cannot be", () => {
  const address = "unix:///nowhere/socket";
  it.each<[string, () => unknown]>([
    ['open content store: option "root": got an empty string', () => openLocalStore({ root: "" })],
    ["open content store: got undefined", () => openLocalStore(untyped(undefined))],
    ['the unknown option "path"', () => openLocalStore(untyped({ root: "/nowhere", path: "x" }))],
    ['open namespaces: option "root": got an empty string', () => openNamespaceMetadata({ root: "" })],
    ['open content service: option "address"', () => proxyStore(untyped({}))],
    ['option "callTimeoutMs": got NaN', () => proxyStore({ address, callTimeoutMs: NaN })],
    ['serve content: option "store"', () => serveContent(untyped({ address }))],
    ['serve content: option "store"', () => serveContent(untyped({ address, store: {} }))],
  ])("says %s", async (message, open) => {
    const failure: unknown = await (async () => await open())().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect((failure as Error).message).toContain(message);
  });
});
