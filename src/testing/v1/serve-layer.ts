import { contentBody, type Reply, type ReplyHeaders } from "../http/reply.ts";
import type { BlobContent } from "../storage/content.ts";
import { refuseV1, replyV1Body } from "./v1-reply.ts";

/**
 * Answers a request for a layer with docker-registry's own idea of ranges: `Content-Range` has no unit; a range without an
 * end goes to one byte behind the last, which then never comes; one of a single byte is refused.
 */
export function serveLayer(layer: BlobContent, range: string | undefined, headers: ReplyHeaders): Reply {
  const { size } = layer;
  const all = { "content-type": "application/octet-stream", "accept-ranges": "bytes", ...headers };
  if (range === undefined) return replyV1Body(contentBody(layer, 0, size), all);
  const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const start = first === "" ? Number.NaN : Number(first);
  const end = last === "" ? size : Number(last);
  if (!(end - start >= 1 && end <= size)) return refuseV1(416, "Requested Range Not Satisfiable", all);
  const part = contentBody(layer, start, Math.min(end + 1, size));
  const promised = { size: end - start + 1, chunks: () => part.chunks() };
  const contentRange = { "content-range": `${start}-${end}/${size}` };
  const isShort = part.size < promised.size;
  return replyV1Body(promised, { ...all, ...contentRange, ...(isShort && { connection: "close" }) }, 206);
}
