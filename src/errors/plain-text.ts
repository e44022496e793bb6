import { redactUrl } from "./redact-url.ts";

/** Shortest text that is looked for as a secret, in characters: a shorter one would be found in every other word. */
const MIN_SECRET_CHARS = 3;

/** Of a long secret so much is compared; what follows it up to the next delimiter goes with it. */
const SECRET_PREFIX_CHARS = 64;

/** What servers like to echo, whoever's it is. Every pattern takes linear time. */
const PATTERNS: ReadonlyArray<readonly [RegExp, string | ((match: string) => string)]> = [
  [/https?:\\?\/\\?\/[^\s"'<>]+/gi, (url) => redactUrl(url.replaceAll("\\", ""))],
  [/\?[^\s"'<>?]{2,}/g, redactQuery],
  [/\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*\[?\s*["']?)[^"'\],;]+/gi, "$1$2REDACTED"],
  [/\b(bearer|basic)([ :=]+)(?![A-Z]?[a-z]+\b(?![+/=.~_-]))[\w.~+/=-]+/gi, "$1$2REDACTED"],
  [/\beyJ[\w-]{8,}(?:\.[\w-]*)*/g, "REDACTED"],
  [
    /\b(x-(?:amz|goog)-[\w-]+|sig|[\w-]{0,32}(?:signature|token|passw(?:or)?d|secret|api[-_]?key))=[^\s"'<>&,;]+/gi,
    "$1=REDACTED",
  ],
  [
    /(["'](?:[\w-]{0,32}(?:signature|token|passw(?:or)?d|secret|api[-_]?key))["']\s*:\s*["'])[^"']+/gi,
    "$1REDACTED",
  ],
];

/**
 * A stranger's text as it may stand in a message, a log line or on a terminal: one line, at most `maxChars` characters and
 * dots, without control characters, without any of `secrets` in whatever spelling (escaped for URLs, forms, JSON or web pages), and
 * without what looks like somebody's secret: queries of URLs, authorization values, tokens.
 */
export function plainText(text: string, maxChars: number, secrets: readonly string[] = []): string {
  let line = beginningOf(text, maxChars * 4).replace(/[\p{C}\p{Z}]+/gu, " ");
  for (const secret of secrets) line = withoutSecret(line, secret);
  for (const [pattern, by] of PATTERNS) {
    line = typeof by === "string" ? line.replace(pattern, by) : line.replace(pattern, by);
  }
  line = line.trim();
  return line.length > maxChars ? `${line.slice(0, maxChars)}...` : line;
}

/** The values of a query that stands in a text without its URL; a name without a value may itself be the secret. */
function redactQuery(query: string): string {
  const parts = query.slice(1).split(/&(?:amp;)?/);
  return `?${parts.map((part) => `${/^[\w.~%-]{1,64}=/.exec(part)?.[0] ?? ""}REDACTED`).join("&")}`;
}

/** Cut at a space if there is one, so that no half of a secret is left which nothing recognizes. */
function beginningOf(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const cut = Math.max(text.lastIndexOf(" ", maxChars), Math.floor(maxChars / 2));
  return `${text.slice(0, cut)}...`;
}

function withoutSecret(line: string, secret: string): string {
  if (secret.length < MIN_SECRET_CHARS) return line;
  const isLong = secret.length > SECRET_PREFIX_CHARS;
  const compared = Array.from(secret.slice(0, SECRET_PREFIX_CHARS), anySpelling).join("");
  return line.replace(new RegExp(`${compared}${isLong ? "[^\\s\"'<>&,;]*" : ""}`, "gi"), "REDACTED");
}

/** What a web page writes for some characters; all others have their number. */
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "amp",
  "<": "lt",
  ">": "gt",
  '"': "quot",
  "'": "apos",
};

/** One character as itself, or escaped for a URL or a form, for JSON or for a web page, also in one another of its kind. */
function anySpelling(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  const units = Array.from({ length: char.length }, (_, at) =>
    char.charCodeAt(at).toString(16).padStart(4, "0"),
  );
  const plain = /\w/.test(char) ? char : units.map((unit) => `\\u${unit}`).join("");
  const bytes = [...new TextEncoder().encode(char)].map((byte) => byte.toString(16).padStart(2, "0"));
  const numbers = `#(?:0{0,6}${point}|x0{0,6}${point.toString(16)})`;
  const spellings = [
    `\\\\{0,3}${plain}`,
    bytes.map((byte) => `%(?:25){0,2}${byte}`).join(""),
    units.map((unit) => `\\\\{1,3}u${unit}`).join(""),
    `&(?:amp;)?(?:${[ENTITIES[char], numbers].filter((name) => name !== undefined).join("|")});`,
  ];
  if (char === " ") spellings.push("\\+");
  // What is longer comes first: a character may be the beginning of its own spelling.
  return `(?:${spellings.toReversed().join("|")})`;
}
