import { randomBytes } from "node:crypto";
import { readBody } from "../http/read-body.ts";
import { type Call, type Reply, refuse, replyJson } from "../http/reply.ts";
import { type Access, type Account, parseBasic, type RepositoryAction } from "./access.ts";

/** Lifetime of tokens when none is set, in seconds: docker's token server has the same. */
const DEFAULT_EXPIRES_IN_SECONDS = 300;

/** Largest form that is read, in bytes: far above any real one. */
const MAX_FORM_BYTES = 64 * 1024;

const ALL_ACTIONS: readonly RepositoryAction[] = ["pull", "push", "delete"];

/** How the token server behaves. */
export interface BearerOptions {
  /** The one account. Without `username` nobody can log in, and anonymous tokens grant everything. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Name of the registry in challenges and token requests; default `drayage-test`. */
  readonly service?: string | undefined;
  /** Lifetime of tokens, in seconds; default 300. See also `TestRegistry.revokeTokens`. */
  readonly expiresInSeconds?: number | undefined;
  /** Whether an anonymous token may pull although there is an account; default false. */
  readonly anonymousPull?: boolean | undefined;
  /** What a user (`undefined`: anonymous) may do with a repository; replaces the rules above. */
  readonly grants?:
    | ((username: string | undefined, repository: string) => readonly RepositoryAction[])
    | undefined;
}

interface Token {
  readonly granted: ReadonlyMap<string, ReadonlySet<RepositoryAction>>;
  readonly expiresAtMs: number;
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
  /** Name of the registry that the tokens are for. */
  readonly service: string;
  readonly #options: BearerOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #refreshTokens = new Map<string, string>();

  constructor(options: BearerOptions) {
    this.service = options.service ?? "drayage-test";
    this.#options = options;
  }

  /** Whether the token is one of ours and neither expired nor revoked. */
  isValid(token: string): boolean {
    return Date.now() < (this.#tokens.get(token)?.expiresAtMs ?? 0);
  }

  /** Whether the token grants all of `needed`. */
  allows(token: string, needed: readonly Access[]): boolean {
    const granted = this.#tokens.get(token)?.granted;
    return needed.every(({ repository, actions }) =>
      actions.every((action) => granted?.get(repository)?.has(action) ?? false),
    );
  }

  /** Makes every access token invalid at once; refresh tokens stay. */
  revoke(): void {
    this.#tokens.clear();
  }

  /** Answers a token request. */
  async answer(call: Call): Promise<Reply> {
    if (call.method === "GET") return this.#answerGet(call);
    if (call.method === "POST") return await this.#answerPost(call);
    return refuse("UNSUPPORTED", "the operation is unsupported");
  }

  #answerGet(call: Call): Reply {
    const { query } = call.route;
    const credentials = parseBasic(call.headers.authorization);
    if (call.headers.authorization !== undefined && !(credentials && this.#knows(credentials))) {
      return refuse("UNAUTHORIZED", "incorrect username or password");
    }
    if (!this.#isOurService(query)) return refuse("DENIED", "unknown service", { status: 400 });
    const { token, ...rest } = this.#issue({
      username: credentials?.username,
      scopes: query.getAll("scope"),
      offline: query.get("offline_token") === "true",
    });
    return replyJson({ token, access_token: token, ...rest });
  }

  async #answerPost(call: Call): Promise<Reply> {
    const bytes = await readBody(call.body, MAX_FORM_BYTES);
    if (!bytes) return replyJson({ error: "invalid_request" }, { status: 413 });
    const form = new URLSearchParams(new TextDecoder().decode(bytes));
    const grantType = form.get("grant_type") ?? "";
    if (!["password", "refresh_token"].includes(grantType)) {
      return replyJson({ error: "unsupported_grant_type" }, { status: 400 });
    }
    if (!this.#isOurService(form)) return replyJson({ error: "invalid_request" }, { status: 400 });
    const username = this.#grantee(form);
    if (username === undefined) return replyJson({ error: "invalid_grant" }, { status: 401 });
    const offline = form.get("access_type") === "offline" || form.has("refresh_token");
    const scopes = form.getAll("scope");
    const { token, ...rest } = this.#issue({ username, scopes, offline });
    return replyJson({ access_token: token, scope: scopes.join(" "), ...rest });
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

  #isOurService(parameters: URLSearchParams): boolean {
    return (parameters.get("service") ?? this.service) === this.service;
  }

  #issue({ username, scopes, offline }: TokenRequest) {
    const token = randomBytes(16).toString("hex");
    const expiresInSeconds = this.#options.expiresInSeconds ?? DEFAULT_EXPIRES_IN_SECONDS;
    const nowMs = Date.now();
    this.#tokens.set(token, {
      granted: this.#grant(username, scopes),
      expiresAtMs: nowMs + expiresInSeconds * 1000,
    });
    return {
      token,
      expires_in: expiresInSeconds,
      issued_at: new Date(nowMs).toISOString(),
      refresh_token: offline && username !== undefined ? this.#issueRefreshToken(username) : undefined,
    };
  }

  #issueRefreshToken(username: string): string {
    const token = randomBytes(16).toString("hex");
    this.#refreshTokens.set(token, username);
    return token;
  }

  #grant(username: string | undefined, scopes: readonly string[]): Token["granted"] {
    const granted = new Map<string, ReadonlySet<RepositoryAction>>();
    for (const scope of scopes.flatMap((value) => value.split(" "))) {
      const [, repository, actions] = /^repository(?:\([^)]*\))?:(.+):([a-z,*]*)$/.exec(scope) ?? [];
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
