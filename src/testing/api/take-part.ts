import { refusalReply } from "../habits/refusal.ts";
import { type Call, type Reply, refuse } from "../http/reply.ts";
import { progress, type Session } from "./upload-session.ts";

/** Adds the body of a request to a session. Gives the refusal when it is not as the registry wants it. */
export async function takePart(session: Session, call: Call): Promise<Reply | undefined> {
  const { upload } = session;
  const { unranged } = session.settings.habits.upload;
  const refused = checkSize(session, call) ?? checkRange(session, call);
  if (refused) return refused;
  const isRanged = call.headers["content-range"] !== undefined;
  if (!isRanged && unranged === "replaces" && hasBody(call)) await upload.clear();
  const before = upload.size;
  await upload.append(call.body);
  const length = upload.size - before;
  if (length === 0) return undefined;
  if (upload.isComplete) return misfit(session, call);
  upload.parts += 1;
  if (upload.parts === 1) upload.firstPartBytes = length;
  if (!isRanged) return undefined;
  const { minPartBytes, equalParts } = session.settings.habits.upload;
  upload.isComplete = length < minPartBytes || (equalParts && length !== upload.firstPartBytes);
  return equalParts && length > upload.firstPartBytes ? misfit(session, call) : undefined;
}

function hasBody({ headers }: Call): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** A part that came after one which had to be the last, or is larger than those before. */
function misfit(session: Session, call: Call): Reply {
  const { equalParts } = session.settings.habits.upload;
  const words = "a part before the last one is too short, or of another size";
  if (!equalParts) return refuse("BLOB_UPLOAD_INVALID", words);
  const refusal = { status: 416, words: { code: "RANGE_ERROR", message: words } };
  return refusalReply(refusal, { headers: progress(session, call) });
}

/** The bounds of a body by its `Content-Length`. */
function checkSize(session: Session, call: Call): Reply | undefined {
  const { maxBodyBytes, maxRangedBytes, needsLength } = session.settings.habits.upload;
  const { headers, method } = call;
  const length = Number(headers["content-length"] ?? 0);
  if (needsLength && method === "PATCH" && headers["content-length"] === undefined) {
    const words = { code: "CONTENT_LENGTH_INVALID", message: "the content length is missing" };
    return refusalReply({ status: 400, words });
  }
  if (maxBodyBytes > 0 && length > maxBodyBytes) {
    return refusalReply({ status: 413, words: { text: "413 Request Entity Too Large" } });
  }
  const isRanged = method === "PATCH" && headers["content-range"] !== undefined;
  if (!isRanged || maxRangedBytes === 0 || length <= maxRangedBytes) return undefined;
  const words = {
    code: "REQUESTED_RANGE_NOT_SATISFIABLE",
    message: "the request body is too large and exceeds the maximum permissible limit",
  };
  return refusalReply({ status: 416, words });
}

/** A part with `Content-Range` has to start where the last one ended; one without is taken as it comes. */
function checkRange(session: Session, call: Call): Reply | undefined {
  const { contentRange } = session.settings.habits.upload;
  const { upload } = session;
  const header = call.headers["content-range"];
  if (contentRange === "ignored") return undefined;
  if (header === undefined) {
    const isOdd = contentRange === "after the first" && upload.size > 0 && hasBody(call);
    return isOdd
      ? refuse("BLOB_UPLOAD_INVALID", "Stream uploads after first write are not allowed")
      : undefined;
  }
  const [, first, last] = /^(\d+)-(\d+)$/.exec(header) ?? [];
  if (first === undefined) return refuse("BLOB_UPLOAD_INVALID", "content-range is not <start>-<end>");
  if (Number(first) !== upload.size) {
    return refuse("BLOB_UPLOAD_INVALID", "chunk is out of order", {
      status: 416,
      headers: progress(session, call),
    });
  }
  const length = Number(last) - Number(first) + 1;
  if (length === Number(call.headers["content-length"])) return undefined;
  return refuse("SIZE_INVALID", "content-length does not match content-range");
}
