import { type Digest, isDigest } from "../../digest/digest.ts";
import { type Call, contentBody, type Reply, refuse, replyEmpty } from "../http/reply.ts";
import type { BlobContent } from "../storage/content.ts";
import type { Repository, Storage } from "../storage/storage.ts";

/** Answers `/v2/<name>/blobs/<digest>`: GET and HEAD with ranges, DELETE (OCI distribution-spec end-2, end-10). */
export function handleBlob(storage: Storage, call: Call): Reply {
  const { repository: name = "", reference = "" } = call.route;
  if (!isDigest(reference)) return refuse("DIGEST_INVALID", "provided digest is not valid");
  const repository = storage.find(name);
  const content = repository?.blobs.get(reference);
  if (!repository || !content) {
    return refuse("BLOB_UNKNOWN", "blob unknown to registry", { detail: { digest: reference } });
  }
  switch (call.method) {
    case "GET":
    case "HEAD":
      return serveBlob(content, reference, call.range);
    case "DELETE":
      return deleteBlob(repository, reference);
    default:
      return refuse("UNSUPPORTED", "the operation is unsupported");
  }
}

function deleteBlob(repository: Repository, digest: Digest): Reply {
  repository.blobs.delete(digest);
  return replyEmpty(202);
}

function serveBlob(content: BlobContent, digest: Digest, rangeHeader: string | undefined): Reply {
  const { size } = content;
  const headers = {
    "accept-ranges": "bytes",
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
  };
  const range = parseRange(rangeHeader, size);
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
