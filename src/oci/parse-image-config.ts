import type { Digest } from "../digest/digest.ts";
import { ErrInvalidArgument } from "../errors/classes.ts";
import { flatShape, keyShape } from "./check-keys.ts";
import type { Platform } from "./descriptor.ts";
import { asDigest, asObject, fieldsOf, invalidField, listOf } from "./json-field.ts";
import { type JsonObject, parseJsonObject } from "./json-object.ts";
import { PLATFORM_KEYS, platformOf } from "./parse-descriptor.ts";
import { MAX_CHILDREN } from "./parse-document.ts";

/**
 * Largest image config that is read, in bytes. It holds a line of history per build step, a few KiB in practice; 4 MiB is
 * also where podman and skopeo stop.
 */
export const MAX_CONFIG_BYTES = 4_194_304;

/** What a pull needs to know of an image config (OCI image-spec, config.md). */
export interface ImageConfig {
  readonly platform: Platform;
  /** Digests of the uncompressed layers, from the base up. */
  readonly diffIds: readonly Digest[];
}

/** The keys of a config that mean something to us. */
const CONFIG_SHAPE = keyShape({
  ...Object.fromEntries(PLATFORM_KEYS.map((key) => [key, undefined])),
  rootfs: flatShape(["type", "diff_ids"]),
});

/** The JSON of an image config, whatever it says. Throws `ErrInvalidArgument` for what is none, or says something twice. */
export function parseConfigDocument(bytes: Uint8Array): JsonObject {
  return parseJsonObject(bytes, { what: "image config", maxBytes: MAX_CONFIG_BYTES, keys: CONFIG_SHAPE });
}

/**
 * `bytes` as an image config, docker's or OCI's. Everything that only a container runtime cares about is ignored. Throws
 * `ErrInvalidArgument`; without a rootfs with moby's text `invalid rootfs in image configuration`.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const fields = fieldsOf(parseConfigDocument(bytes), "");
  const rootfs = fields.optional("rootfs", asObject);
  if (rootfs === undefined) throw new ErrInvalidArgument("invalid rootfs in image configuration");
  const rootfsFields = fieldsOf(rootfs, "rootfs");
  rootfsFields.optional("type", asLayersType);
  const diffIds = rootfsFields.optional("diff_ids", listOf(asDigest, MAX_CHILDREN)) ?? [];
  return { platform: platformOf(fields), diffIds };
}

function asLayersType(value: unknown, path: string): string {
  if (value !== "layers") throw invalidField(path, value, '"layers"');
  return value;
}
