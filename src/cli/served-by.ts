import { type PullResult, servedByEndpoint } from "../index.ts";
import { parseNormalizedNamed } from "../reference.ts";
import { formatBytes } from "./format-bytes.ts";

/** What a program is told of a pull. */
export function servedFacts({ served }: PullResult): readonly object[] {
  const shares = servedByEndpoint(served).map(({ endpoint, contents, bytes }) => ({
    Endpoint: endpoint,
    Contents: contents,
    Size: bytes,
  }));
  return shares.length === 0 ? [] : [{ Served: shares }];
}

/**
 * Lines about who served what, and who could not: none where the registry itself served everything, as usual. That it was
 * asked by another scheme first is nothing to tell.
 */
export async function servedLines({ reference, served, passedOver }: PullResult): Promise<readonly string[]> {
  const own = await ownHosts(reference);
  const shares = servedByEndpoint(served);
  const passed = passedOver.filter(({ endpoint }) => !own.has(hostOf(endpoint)));
  const isUsual = passed.length === 0 && shares.every(({ endpoint }) => own.has(hostOf(endpoint)));
  if (isUsual) return [];
  const reasons = new Map(passed.map(({ endpoint, error }) => [endpoint, error]));
  return [
    ...[...reasons].map(([endpoint, error]) => `${endpoint} was passed over: ${wordsOf(error)}`),
    ...shares.map(
      ({ endpoint, contents, bytes }) =>
        `${endpoint} served ${contents} ${contents === 1 ? "blob" : "blobs"}, ${formatBytes(bytes)}`,
    ),
  ];
}

/** Hosts of the registry that a reference names, where nothing is configured. */
async function ownHosts(reference: string): Promise<ReadonlySet<string>> {
  const { lookupEndpoints } = await import("../registry.ts");
  const endpoints = await lookupEndpoints(parseNormalizedNamed(reference), {}, "pull");
  return new Set(endpoints.map(({ baseUrl }) => hostOf(baseUrl)));
}

function hostOf(url: string): string {
  return new URL(url).host;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
