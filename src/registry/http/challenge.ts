/** One offer of a server in `WWW-Authenticate`: a scheme and what it needs to know. */
export type Challenge = {
  /** Lower-case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Lower-case names; of a repeated one the first value. */
  readonly parameters: ReadonlyMap<string, string>;
};

/**
 * Longest header line that is looked at, in characters: real ones have a few hundred. A longer one offers
 * nothing.
 */
const MAX_HEADER_LENGTH = 8 * 1024;

// All sticky: the scanner moves forward only, and no pattern can match the same characters in two ways.
const SEPARATORS = /[ \t,]*/y;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
/** More than a token, but some registries write the realm without quotes. */
const BARE_URL = /https?:\/\/[^\s,;"]+/iy;
/** The same for the scope, whose actions are a list with commas. */
const BARE_SCOPE = /repository:[\w.:/-]+(?:,(?:pull|push|delete|\*)(?=[\s,;]|$))*/y;
const QUOTED = /"(?:[^"\\]|\\.)*"/sy;
const TOKEN68 = /[ \t]+[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

/**
 * The challenges of a 401 answer, in the server's order: several header lines, and several challenges per
 * line (RFC 9110 section 11.6.1). Lenient like moby and containerd: a line ends at its first malformed
 * parameter, and what came before counts. Never throws; takes linear time.
 */
export function parseChallenges(header: string | readonly string[] | undefined): Challenge[] {
  const lines = typeof header === "string" ? [header] : (header ?? []);
  return lines.filter((line) => line.length <= MAX_HEADER_LENGTH).flatMap(parseLine);
}

function parseLine(line: string): Challenge[] {
  const challenges: Challenge[] = [];
  let current: Map<string, string> | undefined;
  let position = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    const text = pattern.exec(line)?.[0];
    position += text?.length ?? 0;
    return text;
  };

  for (;;) {
    take(SEPARATORS);
    const name = take(TOKEN)?.toLowerCase();
    if (name === undefined) return challenges;
    if (take(EQUALS) === undefined) {
      current = new Map();
      challenges.push({ scheme: name, parameters: current });
      take(TOKEN68);
      continue;
    }
    const quoted = take(QUOTED);
    const value =
      quoted === undefined ? (take(BARE_URL) ?? take(BARE_SCOPE) ?? take(TOKEN)) : unquote(quoted);
    if (value === undefined || !current) return challenges;
    if (!current.has(name)) current.set(name, value);
  }
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gs, "$1");
}
