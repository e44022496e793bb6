import type { Descriptor, Platform } from "./descriptor.ts";

/**
 * `descriptor` under its names on the wire (OCI image-spec, descriptor.md and image-index.md), in the order in which Go
 * writes them, ready for `JSON.stringify`. `parseDescriptor` is the way back.
 */
export function descriptorToJson(descriptor: Descriptor): Record<string, unknown> {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return withoutUndefined({
    mediaType,
    digest,
    size,
    urls,
    annotations,
    data,
    platform: platform && platformToJson(platform),
    artifactType,
  });
}

function platformToJson(platform: Platform): Record<string, unknown> {
  const { architecture, os, osVersion, osFeatures, variant } = platform;
  return withoutUndefined({
    architecture,
    os,
    "os.version": osVersion,
    "os.features": osFeatures,
    variant,
  });
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
