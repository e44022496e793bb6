import type { AskHabits, ChallengeHabits } from "../habits/challenge-habits.ts";
import { refusalReply } from "../habits/refusal.ts";
import type { Call, Reply } from "../http/reply.ts";
import { type Access, type Account, type Guard, parseBasic, scopeOf } from "./access.ts";
import type { TokenServer } from "./token-server.ts";

/** What a guard goes by. */
export interface GuardOptions {
  readonly challenge: ChallengeHabits;
  /** For a bearer scheme. */
  readonly tokens: TokenServer;
  /** The one account; nobody can log in without it. */
  readonly account: Account | undefined;
  /** Whether strangers may read although there is an account, with a basic scheme. */
  readonly anonymousPull: boolean;
  readonly scheme: "http" | "https";
  /** Origin of the other host of this registry. */
  readonly elsewhere: string | undefined;
}

/** What came of looking at a request's `Authorization`. */
type Verdict = "passes" | "stranger" | "refused" | "insufficient";

/** Asks everybody for what the habits say, in their words, and lets through whom they let through. */
export function guardOf(options: GuardOptions): Guard {
  const { challenge } = options;
  const say = (verdict: Exclude<Verdict, "passes">, call: Call, needed: readonly Access[]): Reply => {
    const { pingScope } = challenge;
    const scopes = call.route.kind === "ping" && pingScope !== undefined ? [pingScope] : needed.map(scopeOf);
    return ask(challenge[verdict], call, { ...options, scope: scopes.join(" ") });
  };
  return {
    check(call, needed) {
      if (isOpen(options) || (call.route.kind === "ping" && challenge.openPing)) return undefined;
      const verdict = judge(call, needed, options);
      return verdict === "passes" ? undefined : say(verdict, call, needed);
    },
    forbid: (call, needed) => say("insufficient", call, needed),
  };
}

/** `WWW-Authenticate` of a good answer at `/v2/`, for registries that ask although they have what they need. */
export function pingLines(call: Call, options: GuardOptions): readonly string[] {
  const { challenge } = options;
  if (!challenge.asksWhenGood || isOpen(options)) return [];
  return challenge.stranger.lines.map((line) => expand(line, call, { ...options, scope: "" }));
}

/** With passwords alone there is nothing to ask for where nobody has one; tokens are given to strangers as well. */
function isOpen({ challenge: { scheme }, account }: GuardOptions): boolean {
  return scheme === "none" || (scheme === "basic" && account === undefined);
}

function judge({ headers }: Call, needed: readonly Access[], options: GuardOptions): Verdict {
  const { challenge, tokens, account } = options;
  const { authorization } = headers;
  if (authorization === undefined) return judgeStranger(needed, options);
  if (challenge.scheme === "basic" || challenge.takesBasic) {
    const given = parseBasic(authorization);
    if (given && isSame(given, account)) return "passes";
  }
  const [, token] = /^bearer\s+(\S+)$/i.exec(authorization) ?? [];
  if (challenge.scheme === "basic" || token === undefined) return "refused";
  if (!tokens.isValid(token)) return "refused";
  return tokens.allows(token, needed) ? "passes" : "insufficient";
}

function judgeStranger(needed: readonly Access[], { challenge, anonymousPull }: GuardOptions): Verdict {
  const reads = needed.every(({ actions }) => actions.every((action) => action === "pull"));
  return challenge.scheme === "basic" && anonymousPull && needed.length > 0 && reads ? "passes" : "stranger";
}

function isSame(given: Account, account: Account | undefined): boolean {
  return given.username === account?.username && given.password === account.password;
}

/** What the placeholders of a line stand for. */
interface Meaning extends Pick<GuardOptions, "scheme" | "elsewhere" | "challenge"> {
  readonly scope: string;
}

function ask(habits: AskHabits, call: Call, meaning: Meaning): Reply {
  const isSilent = meaning.challenge.asksAtPingOnly && call.route.kind !== "ping";
  const lines = isSilent ? [] : habits.lines.map((line) => expand(line, call, meaning));
  return refusalReply(habits, {
    headers: lines.length > 0 ? { "www-authenticate": lines } : {},
    detail: { repository: call.route.repository },
  });
}

function expand(line: string, { headers, route }: Call, meaning: Meaning): string {
  const { host = "" } = headers;
  const origin = `${meaning.scheme}://${host}`;
  const values: Readonly<Record<string, string>> = {
    "{origin}": origin,
    "{host}": host,
    "{elsewhere}": meaning.elsewhere ?? origin,
    "{url}": `${origin}${route.path}`,
    "{service}": meaning.challenge.service,
    "{scope}": meaning.scope,
    "{+scope}": meaning.scope === "" ? "" : `,scope="${meaning.scope}"`,
  };
  return line.replace(/\{\+?[a-z]+\}/g, (name) => values[name] ?? name);
}
