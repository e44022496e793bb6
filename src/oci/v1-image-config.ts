import type { Digest } from "../digest/digest.ts";
import { ErrFailedPrecondition } from "../errors/classes.ts";
import { asString, fieldsOf } from "./json-field.ts";
import type { JsonObject } from "./json-object.ts";
import { MAX_CONFIG_BYTES } from "./parse-image-config.ts";
import { dateTimeOf, type HistoryEntry } from "./parse-v1-image.ts";

/** One step of the build of an image, and the layer that it left. */
export interface V1Step {
  readonly history: HistoryEntry;
  /** Digest of the uncompressed layer; absent when there is nothing in it. */
  readonly diffId: Digest | undefined;
}

/** What only documents of version 1 say, and what the config says in its own way (moby `MakeConfigFromV1Config`). */
const DROPPED: ReadonlySet<string> = new Set([
  "id",
  "parent",
  "Size",
  "parent_id",
  "layer_id",
  "throwaway",
  "created",
  "rootfs",
  "history",
]);

/**
 * The OCI config of an image whose top document of version 1 is `top`; `steps` are all that it consists of, from the base up.
 * What the oldest documents do not say is what docker ran on at that time. The same image gives the same bytes. Throws
 * `ErrFailedPrecondition` when it would be longer than a config may be.
 */
export function v1ImageConfig(top: JsonObject, steps: readonly V1Step[]): Uint8Array {
  const fields = fieldsOf(top, "");
  const created = dateTimeOf(fields);
  const config = {
    ...Object.fromEntries(Object.entries(top).filter(([key]) => !DROPPED.has(key))),
    architecture: fields.optional("architecture", asString) ?? "amd64",
    os: fields.optional("os", asString) ?? "linux",
    ...(created !== undefined && { created }),
    rootfs: { type: "layers", diff_ids: steps.flatMap(({ diffId }) => diffId ?? []) },
    history: steps.map(({ history, diffId }) => (diffId ? history : { ...history, empty_layer: true })),
  };
  const bytes = Buffer.from(JSON.stringify(config));
  if (bytes.byteLength <= MAX_CONFIG_BYTES) return bytes;
  throw new ErrFailedPrecondition(
    `make image config: got ${bytes.byteLength} bytes, wanted at most ${MAX_CONFIG_BYTES}`,
  );
}
