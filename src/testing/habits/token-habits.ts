import type { Refusal } from "./refusal.ts";

/** How a token server behaves. */
export interface TokenHabits {
  /**
   * Its path.
   * @defaultValue `"/token"`
   * @example path: "/service/token"
   */
  readonly path: string;
  /**
   * At the registry's own host, or at another one.
   * @defaultValue `"own"`
   * @example host: "other"
   */
  readonly host: "own" | "other";
  /**
   * What it can be asked with.
   * @defaultValue both
   * @example methods: ["GET"]
   */
  readonly methods: readonly ("GET" | "POST")[];
  /**
   * Status of the answer to another method: 404 or 405.
   * @unit HTTP status
   * @defaultValue 405
   * @example otherMethodStatus: 404
   */
  readonly otherMethodStatus: number;
  /**
   * Which of several scopes it looks at; `none`: a token is for all that its user may do.
   * @defaultValue `"all"`
   * @example scopes: "first"
   */
  readonly scopes: "all" | "first" | "last" | "none";
  /**
   * What a stranger gets who names no scope.
   * @defaultValue a token for nothing
   * @example scopelessStranger: { status: 401, words: { text: "name a scope" } }
   */
  readonly scopelessStranger: Refusal | undefined;
  /**
   * What somebody gets who names an action that there is not, or a scope of another form.
   * @defaultValue it is passed over
   * @example oddScope: { status: 400, words: { text: "malformed scope" } }
   */
  readonly oddScope: Refusal | undefined;
  /**
   * What somebody gets who may do nothing of what the scopes say.
   * @defaultValue a token for nothing
   * @example denied: { status: 403, words: { code: "DENIED", message: "not for you" } }
   */
  readonly denied: Refusal | undefined;
  /**
   * What somebody gets whose password is wrong; `undefined`: a token as a stranger gets it.
   * @defaultValue 401 with `UNAUTHORIZED`
   * @example wrongPassword: undefined
   */
  readonly wrongPassword: Refusal | undefined;
  /**
   * Where the token stands in the answer.
   * @defaultValue both
   * @example fields: ["access_token"]
   */
  readonly fields: readonly ("token" | "access_token")[];
  /**
   * Whether the answer says for how long it is good, and since when.
   * @defaultValue `true`
   * @example tellsLife: false
   */
  readonly tellsLife: boolean;
  /**
   * For how long it is, in seconds.
   * @defaultValue 300
   * @example lifeSeconds: 60
   */
  readonly lifeSeconds: number;
  /**
   * Content-Type of the answer.
   * @defaultValue `application/json`
   * @example contentType: "text/plain"
   */
  readonly contentType: string;
}

/** Lifetime of tokens when none is set, in seconds: docker's token server has the same. */
const DEFAULT_EXPIRES_IN_SECONDS = 300;

/** A token server as it should be: two ways to ask, all scopes, what is not allowed left out of the token. */
export const HONEST_TOKENS: TokenHabits = {
  path: "/token",
  host: "own",
  methods: ["GET", "POST"],
  otherMethodStatus: 405,
  scopes: "all",
  scopelessStranger: undefined,
  oddScope: undefined,
  denied: undefined,
  wrongPassword: {
    status: 401,
    words: { code: "UNAUTHORIZED", message: "incorrect username or password" },
  },
  fields: ["token", "access_token"],
  tellsLife: true,
  lifeSeconds: DEFAULT_EXPIRES_IN_SECONDS,
  contentType: "application/json",
};
