import type { Refusal } from "./refusal.ts";

/** What `WWW-Authenticate` says, and what the answer around it says. */
export interface AskHabits extends Refusal {
  /**
   * Lines of `WWW-Authenticate`; none: a refusal without one. `{origin}` stands for scheme and host as the client
   * wrote them, `{host}` for the host alone, `{elsewhere}` for the origin of the other host, `{url}` for the URL
   * asked for, `{service}` for the name of the registry, `{scope}` for what the request needs
   * (`repository:a/b:pull`), `{+scope}` for the whole parameter with a comma in front, or nothing where there is no
   * scope.
   */
  readonly lines: readonly string[];
}

/** How a registry asks who somebody is, and what it makes of the answer. */
export interface ChallengeHabits {
  /**
   * What it wants: nothing from anybody, a password with each request, or a token.
   * @defaultValue `"none"`
   * @example scheme: "bearer"
   */
  readonly scheme: "none" | "basic" | "bearer";
  /**
   * Name of the registry in challenges and token requests; `{host}` stands for the host that was asked.
   * @defaultValue `"drayage-test"`
   * @example service: "{host}"
   */
  readonly service: string;
  /**
   * To whoever sends no `Authorization`.
   * @defaultValue 401 with `Basic realm="drayage test registry"`
   * @example stranger: { status: 401, words: { text: "who are you?" }, lines: [] }
   */
  readonly stranger: AskHabits;
  /**
   * To whoever sends one that is not known, or not any more.
   * @defaultValue 401 with `Basic realm="drayage test registry"`
   * @example refused: { status: 403, words: { text: "no" }, lines: [] }
   */
  readonly refused: AskHabits;
  /**
   * To whoever may do less than the request needs.
   * @defaultValue 401 with `Basic realm="drayage test registry"`
   * @example insufficient: { status: 403, words: { text: "not for you" }, lines: [] }
   */
  readonly insufficient: AskHabits;
  /**
   * Whether user and password are taken with each request although there are tokens.
   * @defaultValue `false`
   * @example takesBasic: true
   */
  readonly takesBasic: boolean;
  /**
   * Whether `/v2/` is open to all although everything else is guarded.
   * @defaultValue `false`
   * @example openPing: true
   */
  readonly openPing: boolean;
  /**
   * Whether a good answer at `/v2/` has the lines that a stranger gets.
   * @defaultValue `false`
   * @example asksWhenGood: true
   */
  readonly asksWhenGood: boolean;
  /**
   * Whether no other path than `/v2/` says what it asks for.
   * @defaultValue `false`
   * @example asksAtPingOnly: true
   */
  readonly asksAtPingOnly: boolean;
  /**
   * The scope in challenges at `/v2/`, which says nothing about any repository.
   * @defaultValue none
   * @example pingScope: "registry:catalog:*"
   */
  readonly pingScope: string | undefined;
}

const REQUIRED = { code: "UNAUTHORIZED", message: "authentication required" };

/** Asks by these lines, in these words. */
export function asking(
  lines: readonly string[],
  words: Refusal["words"] = REQUIRED,
  status = 401,
): AskHabits {
  return { status, words, lines };
}

/** The challenges of a bearer scheme of one form: with an `error` for a token that does not do. */
export function bearerAsks(
  line: string,
  words: Refusal["words"] = REQUIRED,
): Pick<ChallengeHabits, "scheme" | "stranger" | "refused" | "insufficient"> {
  return {
    scheme: "bearer",
    stranger: asking([line], words),
    refused: asking([`${line},error="invalid_token"`], words),
    insufficient: asking([`${line},error="insufficient_scope"`], words),
  };
}

/** The challenges of a basic scheme of one form. */
export function basicAsks(
  line: string,
  words: Refusal["words"] = REQUIRED,
): Pick<ChallengeHabits, "scheme" | "stranger" | "refused" | "insufficient"> {
  const ask = asking([line], words);
  return { scheme: "basic", stranger: ask, refused: ask, insufficient: ask };
}

/** Nobody is asked. */
export const OPEN_CHALLENGE: ChallengeHabits = {
  ...basicAsks('Basic realm="drayage test registry"'),
  scheme: "none",
  service: "drayage-test",
  takesBasic: false,
  openPing: false,
  asksWhenGood: false,
  asksAtPingOnly: false,
  pingScope: undefined,
};

/** User and password with each request (RFC 7617). */
export const BASIC_CHALLENGE: ChallengeHabits = { ...OPEN_CHALLENGE, scheme: "basic" };

/** Tokens as distribution has them. */
export const BEARER_CHALLENGE: ChallengeHabits = {
  ...OPEN_CHALLENGE,
  ...bearerAsks('Bearer realm="{origin}/token",service="{service}"{+scope}'),
};
