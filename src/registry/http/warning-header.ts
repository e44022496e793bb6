import { plainText } from "../../errors/plain-text.ts";
import type { HttpResponse } from "./send.ts";

/** Longest warnings of one answer together, in characters (distribution-spec, "Warnings"). */
const MAX_WARNINGS_CHARS = 4_096;

/** Warnings of one answer that are looked at. */
const MAX_WARNINGS = 16;

/** What a registry may warn of: code 299, nobody's name, and a quoted string (distribution-spec, "Warnings"). */
const WARNING = /\b299 - "((?:[^"\\]|\\.)*)"/g;

/**
 * What an answer warns of in `Warning` headers of code 299, each on one line and made fit for a message; together at most
 * `MAX_WARNINGS_CHARS`. Other codes are about caches and of no use here.
 */
export function warningsOf({ headers, secrets }: HttpResponse): readonly string[] {
  const header = headers["warning"] ?? [];
  const lines = typeof header === "string" ? [header] : header;
  let left = MAX_WARNINGS_CHARS;
  return lines
    .flatMap((line) => [...line.matchAll(WARNING)])
    .slice(0, MAX_WARNINGS)
    .map(([, quoted = ""]) => {
      const text = plainText(unquoted(quoted), left, secrets);
      left = Math.max(0, left - text.length);
      return text;
    })
    .filter((text) => text !== "" && text !== "...");
}

/** Some servers escape like URLs what has no place in a header. */
function unquoted(text: string): string {
  const plain = text.replace(/\\(.)/g, "$1");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}
