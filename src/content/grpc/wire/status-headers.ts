import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { GrpcStatus } from "../../../errors/grpc.ts";

/** The code where nothing says a better one: a status that is no number, an answer without one. */
export const UNKNOWN = 2;

/** A status as headers. Its text must be well-formed Unicode. */
export function statusHeaders({ code, details }: GrpcStatus): OutgoingHttpHeaders {
  const message = details.replaceAll(/[^ -$&-~]+/g, encodeURIComponent);
  return { "grpc-status": String(code), ...(message !== "" && { "grpc-message": message }) };
}

/** The status that headers tell; `undefined` when they tell none. Percent signs that escape nothing stay as they are. */
export function statusOf(headers: IncomingHttpHeaders): GrpcStatus | undefined {
  const code = headers["grpc-status"];
  if (code === undefined) return undefined;
  const message = String(headers["grpc-message"] ?? "");
  return { code: /^\d{1,3}$/.test(String(code)) ? Number(code) : UNKNOWN, details: percentDecoded(message) };
}

/** Escapes are bytes of UTF-8, which a decoder of URLs would refuse where they are malformed. */
function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  const bytes = text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
