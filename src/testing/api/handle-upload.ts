import { algorithmOf, isDigest } from "../../digest/digest.ts";
import { refusalReply } from "../habits/refusal.ts";
import { type Call, type Reply, refuse, replyEmpty } from "../http/reply.ts";
import { mount } from "./mount.ts";
import type { Settings } from "./settings.ts";
import { takePart } from "./take-part.ts";
import { created, progress, type Session, staleState } from "./upload-session.ts";

/** Answers `/v2/<name>/blobs/uploads/[<id>]` (OCI distribution-spec end-4 to end-6, end-11, end-13, end-14). */
export async function handleUpload(settings: Settings, call: Call): Promise<Reply> {
  const { repository: name = "", reference: id } = call.route;
  const { readOnly } = settings.habits.upload;
  if (readOnly) return refusalReply(readOnly);
  if (id === undefined) {
    if (call.method !== "POST") return refuse("UNSUPPORTED", "the operation is unsupported");
    return mount(settings, call) ?? (await start(settings, call));
  }
  const repository = settings.storage.find(name);
  const upload = repository?.uploads.get(id);
  if (!repository || !upload) return unknownUpload();
  const session = { settings, name, repository, upload };
  return await upload.exclusive(async () => {
    if (!repository.uploads.has(id)) return unknownUpload(); // ended while this request waited
    const stale = staleState(session, call);
    if (!stale) return await continueUpload(session, call);
    if (stale.ends) await discard(session);
    return stale.reply;
  });
}

function unknownUpload(): Reply {
  return refuse("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
}

async function start(settings: Settings, call: Call): Promise<Reply> {
  const { repository: name = "", query } = call.route;
  const { singlePost, minPartBytes, announcesMinPart } = settings.habits.upload;
  const repository = settings.storage.repository(name);
  const upload = await settings.storage.openUpload();
  repository.uploads.set(upload.id, upload);
  const session = { settings, name, repository, upload };
  if (singlePost && query.has("digest")) return await upload.exclusive(() => finish(session, call));
  const isAnnounced = announcesMinPart && minPartBytes > 0;
  const minimum = isAnnounced && { "oci-chunk-min-length": String(minPartBytes) };
  return replyEmpty(202, { ...progress(session, call), ...minimum });
}

async function continueUpload(session: Session, call: Call): Promise<Reply> {
  const { patchStatus, statusStatus, cancelStatus, noPatch } = session.settings.habits.upload;
  switch (call.method) {
    case "GET":
      return statusStatus === 204 ? replyEmpty(204, progress(session, call)) : refused(statusStatus);
    case "PATCH":
      if (noPatch) return refusalReply(noPatch);
      return (await takePart(session, call)) ?? replyEmpty(patchStatus, progress(session, call));
    case "PUT":
      return await finish(session, call);
    case "DELETE":
      if (cancelStatus !== 204) return refused(cancelStatus);
      await discard(session);
      return replyEmpty(204);
    default:
      return refuse("UNSUPPORTED", "the operation is unsupported");
  }
}

function refused(status: number): Reply {
  return refuse("UNSUPPORTED", "the operation is unsupported", { status });
}

async function finish(session: Session, call: Call): Promise<Reply> {
  const { repository, upload } = session;
  const expected = call.route.query.get("digest") ?? "";
  if (!isDigest(expected)) return refuse("DIGEST_INVALID", "provided digest is not valid");
  const refusal = oddEnd(session, call) ?? (await takePart(session, call));
  if (refusal) return refusal;
  const actual = await upload.digest(algorithmOf(expected));
  if (actual !== expected) {
    await discard(session);
    const detail = { digest: expected, actual };
    return refuse("DIGEST_INVALID", "provided digest did not match uploaded content", { detail });
  }
  repository.uploads.delete(upload.id);
  repository.blobs.set(expected, await upload.finish());
  return created(session, call, expected);
}

/** What some registries have against a closing PUT that is in order. */
function oddEnd({ settings, upload }: Session, { method, headers }: Call): Reply | undefined {
  const { putWhole, putNeedsType, emptyPutStatus } = settings.habits.upload;
  if (method !== "PUT") return undefined;
  const isEmpty = headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
  if (!putWhole && upload.parts === 0) return refuse("BLOB_UNKNOWN", "blob unknown to registry");
  if (isEmpty && upload.parts > 0 && emptyPutStatus !== 201) {
    return refuse("UNKNOWN", "internal error", { status: emptyPutStatus });
  }
  if (isEmpty || !putNeedsType || headers["content-type"] === "application/octet-stream") return undefined;
  return refusalReply({ status: 413, words: { text: "413 Request Entity Too Large" } });
}

async function discard({ repository, upload }: Session): Promise<void> {
  repository.uploads.delete(upload.id);
  await upload.discard();
}
