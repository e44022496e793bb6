import type { ServedContent } from "./moved-content.ts";

/** What one endpoint served, of all contents together. */
export interface EndpointShare {
  /** Its origin. */
  readonly endpoint: string;
  /** How many contents at least a part came from there of. */
  readonly contents: number;
  readonly bytes: number;
}

/** What each endpoint served, in the order in which they began. */
export function servedByEndpoint(served: readonly ServedContent[]): readonly EndpointShare[] {
  const shares = new Map<string, EndpointShare>();
  for (const { endpoint, bytes: more } of served) {
    const { contents, bytes } = shares.get(endpoint) ?? { contents: 0, bytes: 0 };
    shares.set(endpoint, { endpoint, contents: contents + 1, bytes: bytes + more });
  }
  return [...shares.values()];
}
