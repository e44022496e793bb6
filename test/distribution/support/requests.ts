import { expect } from "vitest";
import type { RequestRecord, TestRegistry } from "../../../src/testing.ts";

/** `METHOD kind` of every request but pings, in order. */
export function asked(registry: TestRegistry): readonly string[] {
  return registry.requests
    .map(({ method, kind }) => `${method} ${kind}`)
    .filter((line) => line !== "GET ping");
}

/**
 * Whether a request is for a part of a content, the rest of which comes over other connections: what goes on with a content, or fetches
 * it, asks for everything up to its end.
 */
export function isPart({ range }: Pick<RequestRecord, "range">): boolean {
  return range !== undefined && /-\d+$/.test(range);
}

/** GET requests for content with the digest; not those for parts, of which there are as many as there are connections. */
export function gets(registry: TestRegistry, digest: string): readonly RequestRecord[] {
  return registry.requests.filter((request) => {
    return request.method === "GET" && request.reference === digest && !isPart(request);
  });
}

/** How often each digest was asked for by GET, also by a tag that has it; requests for parts do not count. */
export function getCounts(registry: TestRegistry): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const request of registry.requests) {
    const digest = request.digest ?? tagged(registry, request);
    const counting = request.method === "GET" && !isPart(request);
    if (counting && digest !== undefined) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return counts;
}

function tagged(registry: TestRegistry, { kind, repository, reference }: RequestRecord): string | undefined {
  if (kind !== "manifest" || repository === undefined || reference === undefined) return undefined;
  return registry.manifest(repository, reference)?.digest;
}

/** Asserts that each of the digests was asked for once, and nothing else. */
export function expectEachOnce(registry: TestRegistry, digests: readonly string[]): void {
  const once = digests.map((digest) => [digest, 1]);
  expect(Object.fromEntries(getCounts(registry))).toEqual(Object.fromEntries(once));
}
