import { type Digest, isDigest } from "../../digest/digest.ts";
import { type Call, contentBody, type Reply, refuse, replyEmpty } from "../http/reply.ts";
import type { BlobContent } from "../storage/content.ts";
import type { Repository } from "../storage/storage.ts";
import type { Settings } from "./settings.ts";

/** Answers `/v2/<name>/blobs/<digest>`: GET and HEAD with ranges, DELETE (OCI distribution-spec end-2, end-10). */
export function handleBlob(settings: Settings, call: Call): Reply {
  const found = findBlob(settings, call);
  if ("status" in found) return found;
  const { repository, content, digest } = found;
  switch (call.method) {
    case "GET":
    case "HEAD":
      return settings.links?.redirect(call) ?? serveBlob(settings, call, { content, digest });
    case "DELETE":
      return deleteBlob(repository, digest);
    default:
      return refuse("UNSUPPORTED", "the operation is unsupported");
  }
}

/** Answers where the links to blobs lead. */
export function handleStorage(settings: Settings, call: Call): Reply {
  const refused = settings.links ? settings.links.refuse(call) : replyEmpty(404);
  if (refused) return refused;
  const found = findBlob(settings, call);
  return "status" in found ? found : serveBlob(settings, call, found);
}

interface FoundBlob {
  readonly repository: Repository;
  readonly content: BlobContent;
  readonly digest: Digest;
}

function findBlob({ storage }: Settings, { route }: Call): FoundBlob | Reply {
  const { repository: name = "", reference: digest = "" } = route;
  if (!isDigest(digest)) return refuse("DIGEST_INVALID", "provided digest is not valid");
  const repository = storage.find(name);
  const content = repository?.blobs.get(digest);
  if (repository && content) return { repository, content, digest };
  return refuse("BLOB_UNKNOWN", "blob unknown to registry", { detail: { digest } });
}

function deleteBlob(repository: Repository, digest: Digest): Reply {
  repository.blobs.delete(digest);
  return replyEmpty(202);
}

function serveBlob(
  { habits }: Settings,
  call: Call,
  { content, digest }: Pick<FoundBlob, "content" | "digest">,
): Reply {
  const { size } = content;
  const { ranges } = habits.pull;
  const headers = {
    ...(ranges && { "accept-ranges": "bytes" }),
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
  };
  const range = ranges ? parseRange(call.range, size) : undefined;
  if (range === "unsatisfiable") {
    return refuse("SIZE_INVALID", "requested range not satisfiable", {
      status: 416,
      headers: { "content-range": `bytes */${size}` },
    });
  }
  if (!range) return { status: 200, headers, body: contentBody(content, 0, size) };
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${range.start}-${range.end - 1}/${size}` },
    body: contentBody(content, range.start, range.end),
  };
}

/** A single range (RFC 9110 section 14.1.2); several ranges and malformed ones are ignored, as the RFC allows. */
function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  return start < end ? { start, end } : "unsatisfiable";
}
