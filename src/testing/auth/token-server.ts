import { randomBytes } from "node:crypto";
import { refusalReply } from "../habits/refusal.ts";
import type { TokenHabits } from "../habits/token-habits.ts";
import { readBody } from "../http/read-body.ts";
import { type Call, type Reply, refuse, replyJson } from "../http/reply.ts";
import { type Access, type Account, parseBasic, type RepositoryAction } from "./access.ts";

/** Largest form that is read, in bytes: far above any real one. */
const MAX_FORM_BYTES = 64 * 1024;

const ALL_ACTIONS: readonly RepositoryAction[] = ["pull", "push", "delete"];

/** How the token server behaves. */
export interface BearerOptions {
  /**
   * The one account. Without it nobody can log in, and anonymous tokens grant everything.
   * @defaultValue none
   * @example username: "jane", password: "correct horse"
   */
  readonly username?: string | undefined;
  /**
   * Password of the account.
   * @defaultValue none
   * @example username: "jane", password: "correct horse"
   */
  readonly password?: string | undefined;
  /** Name of the registry in challenges and token requests; default `drayage-test`. */
  readonly service?: string | undefined;
  /**
   * Lifetime of tokens, in seconds. See also `TestRegistry.revokeTokens`.
   * @defaultValue 300
   * @example expiresInSeconds: 60
   */
  readonly expiresInSeconds?: number | undefined;
  /**
   * Whether an anonymous token may pull although there is an account.
   * @defaultValue `false`
   * @example anonymousPull: true
   */
  readonly anonymousPull?: boolean | undefined;
  /**
   * What a user (`undefined`: anonymous) may do with a repository; replaces the rules above.
   * @defaultValue the account may do everything, strangers what `anonymousPull` says
   * @example grants: (username, repository) => (username === "jane" && repository === "team/app" ? ["pull", "push"] : ["pull"])
   */
  readonly grants?:
    | ((username: string | undefined, repository: string) => readonly RepositoryAction[])
    | undefined;
  /**
   * Writes a token, for a real registry that verifies it by itself.
   * @defaultValue a random text that only this server knows
   * @example sign: ({ subject }) => `token of ${subject}`
   */
  readonly sign?: ((claims: TokenClaims) => string) | undefined;
}

/** What a token says (docker token authentication, "Token Authentication Implementation"). */
export interface TokenClaims {
  /** The user; empty for a stranger. */
  readonly subject: string;
  /** The registry that it is for. */
  readonly service: string;
  readonly access: readonly Access[];
  /** Until when it is good, in milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** What may be done with which repository. */
type Granted = ReadonlyMap<string, ReadonlySet<RepositoryAction>>;

interface Token {
  readonly grants: (repository: string, action: RepositoryAction) => boolean;
  readonly expiresAtMs: number;
}

/** A token and what is said with it. */
interface Issued {
  readonly token: string;
  readonly more: Readonly<Record<string, unknown>>;
}

/** What is in an answer beside that. */
interface AnswerParts {
  readonly fields?: TokenHabits["fields"];
  readonly scope?: string;
}

/** Who asks for a token, and for what. */
interface TokenRequest {
  readonly username: string | undefined;
  readonly scopes: readonly string[];
  readonly offline: boolean;
}

/**
 * Issues opaque tokens the two ways of docker token authentication: GET with optional Basic credentials, and the OAuth2
 * form POST with the `password` and `refresh_token` grants.
 */
export class TokenServer {
  readonly #options: BearerOptions & { readonly service: string };
  readonly #habits: TokenHabits;
  readonly #tokens = new Map<string, Token>();
  readonly #refreshTokens = new Map<string, string>();

  constructor(options: BearerOptions & { readonly service: string }, habits: TokenHabits) {
    this.#options = options;
    this.#habits = habits;
  }

  /** Whether the token is one of ours and neither expired nor revoked. */
  isValid(token: string): boolean {
    return Date.now() < (this.#tokens.get(token)?.expiresAtMs ?? 0);
  }

  /** Whether the token grants all of `needed`. */
  allows(token: string, needed: readonly Access[]): boolean {
    const known = this.#tokens.get(token);
    return needed.every(({ repository, actions }) =>
      actions.every((action) => known?.grants(repository, action) ?? false),
    );
  }

  /** Makes every access token invalid at once; refresh tokens stay. */
  revoke(): void {
    this.#tokens.clear();
  }

  /** Answers a token request. */
  async answer(call: Call): Promise<Reply> {
    const { methods, otherMethodStatus } = this.#habits;
    const { method } = call;
    if (method === "GET" && methods.includes(method)) return this.#answerGet(call);
    if (method === "POST" && methods.includes(method)) return await this.#answerPost(call);
    return refuse("UNSUPPORTED", "the operation is unsupported", { status: otherMethodStatus });
  }

  #answerGet(call: Call): Reply {
    const { query } = call.route;
    const given = parseBasic(call.headers.authorization);
    const isKnown = given !== undefined && this.#knows(given);
    const { wrongPassword } = this.#habits;
    if (call.headers.authorization !== undefined && !isKnown && wrongPassword) {
      return refusalReply(wrongPassword);
    }
    if (!this.#isOurService(query, call)) return refuse("DENIED", "unknown service", { status: 400 });
    const username = isKnown ? given.username : undefined;
    const offline = query.get("offline_token") === "true";
    const issued = this.#issue({ username, scopes: query.getAll("scope"), offline });
    return "status" in issued ? issued : this.#reply(issued);
  }

  async #answerPost(call: Call): Promise<Reply> {
    const bytes = await readBody(call.body, MAX_FORM_BYTES);
    if (!bytes) return replyJson({ error: "invalid_request" }, { status: 413 });
    const form = new URLSearchParams(new TextDecoder().decode(bytes));
    const grantType = form.get("grant_type") ?? "";
    if (!["password", "refresh_token"].includes(grantType)) {
      return replyJson({ error: "unsupported_grant_type" }, { status: 400 });
    }
    if (!this.#isOurService(form, call)) return replyJson({ error: "invalid_request" }, { status: 400 });
    const username = this.#grantee(form);
    if (username === undefined) return replyJson({ error: "invalid_grant" }, { status: 401 });
    const offline = form.get("access_type") === "offline" || form.has("refresh_token");
    const scopes = form.getAll("scope");
    const issued = this.#issue({ username, scopes, offline });
    if ("status" in issued) return issued;
    return this.#reply(issued, { fields: ["access_token"], scope: scopes.join(" ") });
  }

  #reply({ token, more }: Issued, { fields = this.#habits.fields, ...rest }: AnswerParts = {}): Reply {
    const { contentType } = this.#habits;
    const tokens = Object.fromEntries(fields.map((field) => [field, token]));
    return replyJson({ ...tokens, ...rest, ...more }, { headers: { "content-type": contentType } });
  }

  #grantee(form: URLSearchParams): string | undefined {
    if (form.get("grant_type") === "refresh_token") {
      return this.#refreshTokens.get(form.get("refresh_token") ?? "");
    }
    const account = { username: form.get("username") ?? "", password: form.get("password") ?? "" };
    return this.#knows(account) ? account.username : undefined;
  }

  #knows({ username, password }: Account): boolean {
    return username === this.#options.username && password === this.#options.password;
  }

  #isOurService(parameters: URLSearchParams, { headers }: Call): boolean {
    const service = this.#options.service.replace("{host}", headers.host ?? "");
    return (parameters.get("service") || service) === service;
  }

  /** A token, or why there is none. */
  #issue({ username, scopes, offline }: TokenRequest): Issued | Reply {
    const { scopelessStranger, oddScope, denied, tellsLife, lifeSeconds } = this.#habits;
    const named = scopes.flatMap((value) => value.split(" ")).filter((scope) => scope !== "");
    if (named.length === 0 && username === undefined && scopelessStranger)
      return refusalReply(scopelessStranger);
    if (oddScope && named.some(isOdd)) return refusalReply(oddScope);
    const granted = this.#grant(username, this.#heeded(named));
    const nothing = [...granted.values()].every((actions) => actions.size === 0);
    if (denied && granted.size > 0 && nothing) return refusalReply(denied);
    const expiresInSeconds = this.#options.expiresInSeconds ?? lifeSeconds;
    const nowMs = Date.now();
    const expiresAtMs = nowMs + expiresInSeconds * 1000;
    const token = this.#write(username, granted, expiresAtMs);
    this.#tokens.set(token, {
      grants:
        this.#habits.scopes === "none"
          ? (repository, action) => this.#allowed(username, repository).includes(action)
          : (repository, action) => granted.get(repository)?.has(action) ?? false,
      expiresAtMs,
    });
    return {
      token,
      more: {
        ...(tellsLife && { expires_in: expiresInSeconds, issued_at: new Date(nowMs).toISOString() }),
        refresh_token: offline && username !== undefined ? this.#issueRefreshToken(username) : undefined,
      },
    };
  }

  #write(subject: string | undefined, granted: Granted, expiresAtMs: number): string {
    const { sign, service } = this.#options;
    if (!sign) return randomBytes(16).toString("hex");
    const access = [...granted].map(([repository, actions]) => ({ repository, actions: [...actions] }));
    return sign({ subject: subject ?? "", service, access, expiresAtMs });
  }

  #heeded(scopes: readonly string[]): readonly string[] {
    if (this.#habits.scopes === "first") return scopes.slice(0, 1);
    return this.#habits.scopes === "last" ? scopes.slice(-1) : scopes;
  }

  #issueRefreshToken(username: string): string {
    const token = randomBytes(16).toString("hex");
    this.#refreshTokens.set(token, username);
    return token;
  }

  #grant(username: string | undefined, scopes: readonly string[]): Granted {
    const granted = new Map<string, ReadonlySet<RepositoryAction>>();
    for (const scope of scopes) {
      const [, repository, actions] = SCOPE.exec(scope) ?? [];
      if (repository === undefined || actions === undefined) continue;
      const asked = actions.split(",");
      const allowed = this.#allowed(username, repository).filter(
        (action) => asked.includes(action) || asked.includes("*"),
      );
      granted.set(repository, new Set([...(granted.get(repository) ?? []), ...allowed]));
    }
    return granted;
  }

  #allowed(username: string | undefined, repository: string): readonly RepositoryAction[] {
    const { grants, anonymousPull = false, username: account } = this.#options;
    if (grants) return grants(username, repository);
    if (username !== undefined || account === undefined) return ALL_ACTIONS;
    return anonymousPull ? ["pull"] : [];
  }
}

/** A repository and actions (docker token authentication, "Resource Scope Grammar"). */
const SCOPE = /^repository(?:\([^)]*\))?:(.+):([a-z,*]*)$/;

function isOdd(scope: string): boolean {
  const [, , actions] = SCOPE.exec(scope) ?? [];
  return (
    actions === undefined || !actions.split(",").every((action) => ["pull", "push", "*"].includes(action))
  );
}
