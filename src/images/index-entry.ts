import { CONTAINERD_NAME, OCI_NAME } from "../oci/annotations.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { descriptorToJson } from "../oci/descriptor-to-json.ts";
import { asDigest, asString, asToken, type Fields, fieldsOf, type Read } from "../oci/json-field.ts";
import { isJsonObject, type JsonObject, ownField } from "../oci/json-object.ts";
import { asAnnotations, parseDescriptor } from "../oci/parse-descriptor.ts";
import type { Image } from "./image-store.ts";

/** One entry of an `index.json`: as it stands in the file, and what we make of it. */
export interface IndexEntry {
  /** Written back as it is, whatever it may be. */
  readonly raw: unknown;
  /** What it points at, with all annotations; `undefined` when it names no content that could be in a store of ours. */
  readonly descriptor: Descriptor | undefined;
}

/** Type of an entry whose own one is missing or malformed: its bytes are kept, and nothing is looked for below them. */
const UNKNOWN_TYPE = "application/octet-stream";

/**
 * Reads an entry, whoever wrote it. A field that we cannot take (an annotation that is no text, an odd platform) costs
 * that field and never the entry, because its content has to stay in the store. Never throws.
 */
export function readEntry(raw: unknown): IndexEntry {
  const strict = attempt(() => parseDescriptor(raw, "entry"));
  return { raw, descriptor: strict ?? (isJsonObject(raw) ? lenient(raw) : undefined) };
}

/** The name that an entry gives to what it points at; containerd's goes first, as in containerd. */
export function nameOfEntry({ descriptor }: IndexEntry): string | undefined {
  return descriptor?.annotations?.[CONTAINERD_NAME] ?? descriptor?.annotations?.[OCI_NAME];
}

/** An entry as an image, without the annotations that only name it; `undefined` for one without a name. */
export function imageOfEntry(entry: IndexEntry): Image | undefined {
  const name = nameOfEntry(entry);
  if (name === undefined || entry.descriptor === undefined) return undefined;
  const { annotations: all = {}, ...rest } = entry.descriptor;
  const { [CONTAINERD_NAME]: _, [OCI_NAME]: __, ...annotations } = all;
  return { name, target: Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest };
}

/** The entry for `name`. Of a `previous` one for the same content, what we do not know is kept. */
export function entryFor(name: string, target: Descriptor, previous: IndexEntry | undefined): IndexEntry {
  const descriptor = {
    ...target,
    annotations: { ...target.annotations, [OCI_NAME]: name, [CONTAINERD_NAME]: name },
  };
  const json = descriptorToJson(descriptor);
  const same = previous?.descriptor?.digest === target.digest && isJsonObject(previous.raw);
  return { raw: same ? { ...previous.raw, ...json } : json, descriptor };
}

function lenient(raw: JsonObject): Descriptor | undefined {
  const fields = fieldsOf(raw, "entry");
  const digest = optional(fields, "digest", asDigest);
  if (digest === undefined) return undefined;
  const size = ownField(raw, "size");
  const annotations = optional(fields, "annotations", textsOf);
  return {
    digest,
    mediaType: optional(fields, "mediaType", asToken) ?? UNKNOWN_TYPE,
    size: typeof size === "number" && Number.isSafeInteger(size) && size > 0 ? size : 0,
    ...(annotations && { annotations }),
  };
}

/** Those annotations that are texts. */
function textsOf(value: unknown, path: string): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {};
  const texts = Object.entries(value).filter(([, text]) => attempt(() => asString(text, path)) !== undefined);
  return asAnnotations(Object.fromEntries(texts), path);
}

function optional<T>(fields: Fields, key: string, read: Read<T>): T | undefined {
  return attempt(() => fields.optional(key, read));
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // what it should have been is of no use to whoever reads the other entries
  }
}
