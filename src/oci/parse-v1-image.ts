import { ErrInvalidArgument } from "../errors/classes.ts";
import { asObject, asString, type Fields, fieldsOf } from "./json-field.ts";
import { type JsonObject, parseJsonObject } from "./json-object.ts";

/** One step of a build, as an image config tells it (OCI image-spec, config.md "history"). */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
}

/** A document of version 1 about one image. */
export interface V1Document {
  /** The step that made it. */
  readonly history: HistoryEntry;
  /** All of it. */
  readonly fields: JsonObject;
}

/** What the document has to agree with. */
export interface V1DocumentOptions {
  readonly id: string;
  /** The image below; absent for a base. */
  readonly parent: string | undefined;
  /** Longest document, in bytes. */
  readonly maxBytes: number;
}

/** Fields that mean something here, each of which must be there once at most, in this spelling. */
const KEYS: readonly string[] = [
  "id",
  "parent",
  "created",
  "author",
  "comment",
  "container_config",
  "config",
  "architecture",
  "os",
  "rootfs",
  "history",
  "Size",
];

/** A date and time of RFC 3339; what is none would stop every reader of the config that is written in Go. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * `bytes` as the document of the image `id`, which stands on `parent`. Throws `ErrInvalidArgument` when it is none, is that of
 * another image, or stands on another one.
 */
export function parseV1Image(bytes: Uint8Array, { id, parent, maxBytes }: V1DocumentOptions): V1Document {
  const fields = parseJsonObject(bytes, { what: `document of image ${id}`, maxBytes, keys: KEYS });
  const read = fieldsOf(fields, "");
  const own = read.required("id", asString);
  if (own !== id)
    throw new ErrInvalidArgument(`Invalid document of image ${id}: got the one of another image`);
  if (read.optional("parent", asString) !== parent) {
    const wanted = parent ?? "none";
    throw new ErrInvalidArgument(
      `Invalid document of image ${id}: got another parent than its ancestry says (${wanted})`,
    );
  }
  read.optional("config", asObject);
  return { history: historyOf(read), fields };
}

function historyOf(fields: Fields): HistoryEntry {
  const created = dateTimeOf(fields);
  const createdBy = commandOf(fields);
  const author = fields.optional("author", asString);
  const comment = fields.optional("comment", asString);
  return {
    ...(created !== undefined && { created }),
    ...(createdBy !== "" && { created_by: createdBy }),
    ...(author !== undefined && { author }),
    ...(comment !== undefined && { comment }),
  };
}

/** `created`, if it is a date that readers understand. */
export function dateTimeOf(fields: Fields): string | undefined {
  const created = fields.optional("created", asString);
  return created !== undefined && DATE_TIME.test(created) ? created : undefined;
}

/** The command that made the layer, in docker's words. */
function commandOf(fields: Fields): string {
  const container = fields.optional("container_config", asObject);
  const command = container && fieldsOf(container, "container_config").optional("Cmd", (value) => value);
  return Array.isArray(command) ? command.filter((word) => typeof word === "string").join(" ") : "";
}
