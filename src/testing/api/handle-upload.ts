import { algorithmOf, type Digest, isDigest } from "../../digest/digest.ts";
import { type Call, type Reply, type ReplyHeaders, refuse, replyEmpty } from "../http/reply.ts";
import type { Repository, Storage } from "../storage/storage.ts";
import type { Upload } from "../storage/upload.ts";

/** What the upload handlers work with. */
interface UploadContext {
  readonly storage: Storage;
  /** Smallest chunk but for the last one, in bytes; 0: none announced. */
  readonly chunkMinBytes: number;
}

/** An upload session and where it belongs. */
interface Session {
  readonly name: string;
  readonly repository: Repository;
  readonly upload: Upload;
}

/** Answers `/v2/<name>/blobs/uploads/[<id>]` (OCI distribution-spec end-4 to end-6, end-11, end-13, end-14). */
export async function handleUpload(context: UploadContext, call: Call): Promise<Reply> {
  const { repository: name = "", reference: id } = call.route;
  if (id === undefined) {
    if (call.method !== "POST") return refuse("UNSUPPORTED", "the operation is unsupported");
    return mount(context.storage, call) ?? (await start(context, call));
  }
  const repository = context.storage.find(name);
  const upload = repository?.uploads.get(id);
  if (!repository || !upload) return unknownUpload();
  const session = { name, repository, upload };
  return await upload.exclusive(async () => {
    if (!repository.uploads.has(id)) return unknownUpload(); // ended while this request waited
    return await continueUpload(session, context, call);
  });
}

function unknownUpload(): Reply {
  return refuse("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
}

function mount(storage: Storage, call: Call): Reply | undefined {
  const { repository: name = "", query } = call.route;
  const digest = query.get("mount") ?? "";
  const from = query.get("from");
  if (!isDigest(digest)) return undefined;
  const content = from === null ? storage.findBlob(digest) : storage.find(from)?.blobs.get(digest);
  if (!content) return undefined; // an ordinary session is the answer to a mount that cannot be done
  storage.repository(name).blobs.set(digest, content);
  return created(name, digest);
}

async function start(context: UploadContext, call: Call): Promise<Reply> {
  const { repository: name = "", query } = call.route;
  const repository = context.storage.repository(name);
  const upload = await context.storage.openUpload();
  repository.uploads.set(upload.id, upload);
  const session = { name, repository, upload };
  if (query.has("digest")) return await upload.exclusive(() => finish(session, context, call));
  const minimum = context.chunkMinBytes > 0 && { "oci-chunk-min-length": String(context.chunkMinBytes) };
  return replyEmpty(202, { ...progress(session), ...minimum });
}

async function continueUpload(session: Session, context: UploadContext, call: Call): Promise<Reply> {
  switch (call.method) {
    case "GET":
      return replyEmpty(204, progress(session));
    case "PATCH":
      return (await append(session, context, call)) ?? replyEmpty(202, progress(session));
    case "PUT":
      return await finish(session, context, call);
    case "DELETE":
      await discard(session);
      return replyEmpty(204);
    default:
      return refuse("UNSUPPORTED", "the operation is unsupported");
  }
}

async function append(session: Session, context: UploadContext, call: Call): Promise<Reply | undefined> {
  const { upload } = session;
  const refused = checkChunk(session, call);
  if (refused) return refused;
  const before = upload.size;
  await upload.append(call.body);
  const length = upload.size - before;
  if (length > 0 && upload.shortChunk) {
    return refuse("BLOB_UPLOAD_INVALID", "a chunk before the last one is too short");
  }
  if (call.headers["content-range"] !== undefined) upload.shortChunk = length < context.chunkMinBytes;
  return undefined;
}

/** A chunk with `Content-Range` has to start where the last one ended; one without is taken as it comes. */
function checkChunk(session: Session, call: Call): Reply | undefined {
  const header = call.headers["content-range"];
  if (header === undefined) return undefined;
  const [, first, last] = /^(\d+)-(\d+)$/.exec(header) ?? [];
  if (first === undefined) return refuse("BLOB_UPLOAD_INVALID", "content-range is not <start>-<end>");
  if (Number(first) !== session.upload.size) {
    return refuse("BLOB_UPLOAD_INVALID", "chunk is out of order", {
      status: 416,
      headers: progress(session),
    });
  }
  const length = Number(last) - Number(first) + 1;
  if (length === Number(call.headers["content-length"])) return undefined;
  return refuse("SIZE_INVALID", "content-length does not match content-range");
}

async function finish(session: Session, context: UploadContext, call: Call): Promise<Reply> {
  const { name, repository, upload } = session;
  const expected = call.route.query.get("digest") ?? "";
  if (!isDigest(expected)) return refuse("DIGEST_INVALID", "provided digest is not valid");
  const refused = await append(session, context, call);
  if (refused) return refused;
  const actual = await upload.digest(algorithmOf(expected));
  if (actual !== expected) {
    await discard(session);
    const detail = { digest: expected, actual };
    return refuse("DIGEST_INVALID", "provided digest did not match uploaded content", { detail });
  }
  repository.uploads.delete(upload.id);
  repository.blobs.set(expected, await upload.finish());
  return created(name, expected);
}

async function discard({ repository, upload }: Session): Promise<void> {
  repository.uploads.delete(upload.id);
  await upload.discard();
}

function created(name: string, digest: Digest): Reply {
  return replyEmpty(201, { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest });
}

function progress({ name, upload }: Session): ReplyHeaders {
  return {
    // The query is there because clients have to keep it, only adding their own to it.
    location: `/v2/${name}/blobs/uploads/${upload.id}?state=${upload.size}`,
    range: `0-${Math.max(0, upload.size - 1)}`,
    "docker-upload-uuid": upload.id,
  };
}
