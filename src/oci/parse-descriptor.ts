import { flatShape, type KeyShape, keyShape } from "./check-keys.ts";
import type { Descriptor, Platform } from "./descriptor.ts";
import {
  asDigest,
  asObject,
  asString,
  asToken,
  type Fields,
  fieldsOf,
  invalidField,
  listOf,
} from "./json-field.ts";

/** Places a descriptor may name for its content, and features of a platform: nobody lists more in earnest. */
const MAX_LISTED = 256;

/** The keys of a platform (OCI image-spec, image-index.md). */
export const PLATFORM_KEYS: readonly string[] = [
  "os",
  "architecture",
  "variant",
  "os.version",
  "os.features",
];

/** The keys of a descriptor, and those of its platform. */
export const DESCRIPTOR_SHAPE: KeyShape = keyShape({
  mediaType: undefined,
  digest: undefined,
  size: undefined,
  urls: undefined,
  annotations: undefined,
  data: undefined,
  artifactType: undefined,
  platform: flatShape(PLATFORM_KEYS),
});

/**
 * `value` as a descriptor (OCI image-spec, descriptor.md). Unknown fields are ignored; `data` is not decoded, so compare
 * its length and digest before use. `path` is where it was found, for messages such as
 * `Invalid layers[3].size: got -1, wanted ...`. Throws `ErrInvalidArgument`.
 */
export function parseDescriptor(value: unknown, path: string): Descriptor {
  const fields = fieldsOf(asObject(value, path), path);
  const urls = fields.optional("urls", listOf(asString, MAX_LISTED));
  const annotations = fields.optional("annotations", asAnnotations);
  const data = fields.optional("data", asString);
  const artifactType = fields.optional("artifactType", asToken);
  const platform = fields.optional("platform", asPlatform);
  return {
    mediaType: fields.required("mediaType", asToken),
    digest: fields.required("digest", asDigest),
    size: fields.required("size", asSize),
    ...(urls && { urls }),
    ...(annotations && { annotations }),
    ...(data !== undefined && { data }),
    ...(artifactType !== undefined && { artifactType }),
    ...(platform && { platform }),
  };
}

/**
 * The platform that `fields` describe: a descriptor's `platform`, or an image config, which has the same names at its
 * top level. An OS or architecture that is missing is the empty string, as artifacts have it. Throws `ErrInvalidArgument`.
 */
export function platformOf(fields: Fields): Platform {
  const variant = fields.optional("variant", asToken);
  const osVersion = fields.optional("os.version", asToken);
  const osFeatures = fields.optional("os.features", listOf(asToken, MAX_LISTED));
  return {
    os: fields.optional("os", asToken) ?? "",
    architecture: fields.optional("architecture", asToken) ?? "",
    ...(variant !== undefined && { variant }),
    ...(osVersion !== undefined && { osVersion }),
    ...(osFeatures && osFeatures.length > 0 && { osFeatures }),
  };
}

/** `value` as annotations: strings by key (OCI image-spec, annotations.md). Throws `ErrInvalidArgument`. */
export function asAnnotations(value: unknown, path: string): Readonly<Record<string, string>> {
  const entries = Object.entries(asObject(value, path));
  // fromEntries defines properties and never assigns them, so that a key "__proto__" is a key like any other.
  return Object.fromEntries(
    entries.map(([key, text]) => [key, asString(text, `${path}[${JSON.stringify(key.slice(0, 64))}]`)]),
  );
}

function asPlatform(value: unknown, path: string): Platform {
  return platformOf(fieldsOf(asObject(value, path), path));
}

function asSize(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw invalidField(path, value, "a whole number of bytes");
  }
  // JSON knows -0.
  return Math.abs(value);
}
