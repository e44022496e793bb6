import { redactUrl } from "../../errors/redact-url.ts";

/** Longest text of a registry that goes into a message, in characters: enough for a sentence or two. */
export const MAX_WORDS_CHARS = 512;

/**
 * A registry's text as it may stand in a message: one line, bounded, without control characters, and without what
 * servers like to echo: queries of signed URLs, Authorization values.
 */
export function registryWords(text: string): string {
  const line = text
    .slice(0, MAX_WORDS_CHARS * 4)
    .replace(/[\p{C}\p{Z}]+/gu, " ")
    .replace(/https?:\/\/[^\s"'<>]+/gi, (url) => redactUrl(url))
    .replace(/\b(bearer|basic) [\w.~+/=-]{16,}/gi, "$1 REDACTED")
    .trim();
  return line.length > MAX_WORDS_CHARS ? `${line.slice(0, MAX_WORDS_CHARS)}...` : line;
}
