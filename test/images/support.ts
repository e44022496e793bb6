import { digestOf } from "../../src/digest/digest.ts";
import type { Handler } from "../../src/images/handler.ts";
import type { Descriptor, Platform } from "../../src/oci/descriptor.ts";
import { OCI_MANIFEST } from "../../src/oci/media-types.ts";

/** A descriptor whose digest is that of its name. */
export function named(name: string, more: Partial<Descriptor> = {}): Descriptor {
  return { mediaType: OCI_MANIFEST, digest: digestOf(name), size: name.length, ...more };
}

export function platform(text: string): Platform {
  const [os = "", architecture = "", variant] = text.split("/");
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

/** A handler over a drawn graph that writes down what it sees. */
export function drawn(graph: Record<string, readonly string[]>, seen: string[] = []): Handler {
  const names = new Map(Object.keys(graph).map((name) => [digestOf(name), name]));
  return async ({ digest }) => {
    const name = names.get(digest) ?? "?";
    seen.push(name);
    return (graph[name] ?? []).map((child) => named(child));
  };
}
