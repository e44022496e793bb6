import type { Digest } from "../digest/digest.ts";
import type { Platform } from "./descriptor.ts";
import { asDigest, asString, fieldsOf } from "./json-field.ts";
import { isJsonObject, type JsonObject, ownField } from "./json-object.ts";
import { asAnnotations, platformOf } from "./parse-descriptor.ts";

/** One step in the making of an image, as its config tells it. */
export interface HistoryEntry {
  /** When it was made, as it is written there. */
  readonly created: string | undefined;
  readonly createdBy: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  /** Whether the step made no layer. */
  readonly emptyLayer: boolean;
}

/** What people want to know of an image's config. A field that is not what it should be is absent: nothing here is relied upon. */
export interface ConfigFacts {
  readonly platform: Platform | undefined;
  /** When the image was made, as it is written there: RFC 3339. */
  readonly created: string | undefined;
  readonly author: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests of the uncompressed layers, from the base up. */
  readonly diffIds: readonly Digest[];
  readonly history: readonly HistoryEntry[];
}

/** What is said of an image without a config. */
export const NO_FACTS: ConfigFacts = {
  platform: undefined,
  created: undefined,
  author: undefined,
  labels: {},
  diffIds: [],
  history: [],
};

/** Reads what a config says, as far as it can be read. Never throws. */
export function configFactsOf(config: JsonObject): ConfigFacts {
  const labels = ownField(objectAt(config, "config"), "Labels");
  const diffIds = ownField(objectAt(config, "rootfs"), "diff_ids");
  const history = ownField(config, "history");
  return {
    platform: attempt(() => platformOf(fieldsOf(config, ""))),
    created: textAt(config, "created"),
    author: textAt(config, "author"),
    labels: attempt(() => asAnnotations(labels, "Labels")) ?? {},
    diffIds: Array.isArray(diffIds)
      ? (attempt(() => diffIds.map((id) => asDigest(id, "diff_ids"))) ?? [])
      : [],
    history: Array.isArray(history) ? history.filter(isJsonObject).map(entryOf) : [],
  };
}

function entryOf(entry: JsonObject): HistoryEntry {
  return {
    created: textAt(entry, "created"),
    createdBy: textAt(entry, "created_by"),
    author: textAt(entry, "author"),
    comment: textAt(entry, "comment"),
    emptyLayer: ownField(entry, "empty_layer") === true,
  };
}

function objectAt(object: JsonObject, key: string): JsonObject {
  const value = ownField(object, key);
  return isJsonObject(value) ? value : {};
}

function textAt(object: JsonObject, key: string): string | undefined {
  return attempt(() => fieldsOf(object, "").optional(key, asString));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
