import type { Digest } from "../../digest/digest.ts";
import { type Call, type Reply, type ReplyHeaders, refuse, replyEmpty } from "../http/reply.ts";
import type { Repository } from "../storage/storage.ts";
import type { Upload } from "../storage/upload.ts";
import { absolute, type Settings } from "./settings.ts";

/** An upload session and where it belongs. */
export interface Session {
  readonly settings: Settings;
  readonly name: string;
  readonly repository: Repository;
  readonly upload: Upload;
}

/** Bytes of the largest `Range` that a registry tells which only ever tells the first part. */
const TOLD_PART_BYTES = 10 * 1024 * 1024;

/** The headers that say how far a session is. */
export function progress(session: Session, call: Call): ReplyHeaders {
  const { idHeader, statusLocation } = session.settings.habits.upload;
  const isStatus = call.method === "GET";
  const range = rangeOf(session, isStatus);
  return {
    ...((!isStatus || statusLocation) && { location: locationOf(session, call) }),
    ...(range !== undefined && { range }),
    ...(idHeader !== undefined && { [idHeader]: session.upload.id }),
  };
}

function locationOf({ settings, name, upload }: Session, call: Call): string {
  const { location, segment, state } = settings.habits.upload;
  // The query is there because clients have to keep it, only adding their own to it.
  const query = state === "none" ? "" : `?${STATE_NAMES[state]}=${upload.size}`;
  const path = `/v2/${name}/blobs/${segment}/${upload.id}${query}`;
  return location === "absolute" ? absolute(settings, call, path) : path;
}

const STATE_NAMES = { size: "state", offset: "_state", required: "_stateHash" } as const;

function rangeOf({ settings, upload }: Session, isStatus: boolean): string | undefined {
  const { emptyRange, patchRange, statusPrefix } = settings.habits.upload;
  if (upload.size === 0) return emptyRange;
  const told = isStatus ? upload.size : toldBytes(upload, patchRange);
  return told === undefined ? undefined : `${isStatus ? statusPrefix : ""}0-${told - 1}`;
}

function toldBytes(
  { size, firstPartBytes }: Upload,
  told: Settings["habits"]["upload"]["patchRange"],
): number | undefined {
  if (told === "none") return undefined;
  if (told === "10 MiB") return Math.min(size, TOLD_PART_BYTES);
  return told === "first part" ? firstPartBytes : size;
}

/** What comes of a request whose address is not the newest one of its session, where that matters. */
export function staleState(
  { settings, upload }: Session,
  { route }: Call,
): { readonly reply: Reply; readonly ends: boolean } | undefined {
  const { state } = settings.habits.upload;
  if (state === "none" || state === "size" || route.query.get(STATE_NAMES[state]) === String(upload.size)) {
    return undefined;
  }
  if (state === "required") {
    const reply = refuse("UNKNOWN", "the state of the upload is missing or does not fit");
    return { reply, ends: false };
  }
  return { reply: refuse("BLOB_UPLOAD_INVALID", "blob upload invalid", { status: 404 }), ends: true };
}

/** The answer to whoever brought a blob, or had it mounted. */
export function created(
  { settings, name }: Pick<Session, "settings" | "name">,
  call: Call,
  digest: Digest,
  namesDigest = true,
): Reply {
  const path = `/v2/${name}/blobs/${digest}`;
  const { location } = settings.habits.upload;
  return replyEmpty(201, {
    location: location === "absolute" ? absolute(settings, call, path) : path,
    ...(namesDigest && { "docker-content-digest": digest }),
  });
}
