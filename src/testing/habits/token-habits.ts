import type { Refusal } from "./refusal.ts";

/** How a token server behaves. */
export interface TokenHabits {
  /** Its path. */
  readonly path: string;
  /** At the registry's own host, or at another one. */
  readonly host: "own" | "other";
  /** What it can be asked with. */
  readonly methods: readonly ("GET" | "POST")[];
  /** Status of the answer to another method: 404 or 405. */
  readonly otherMethodStatus: number;
  /** Which of several scopes it looks at; `none`: a token is for all that its user may do. */
  readonly scopes: "all" | "first" | "last" | "none";
  /** What a stranger gets who names no scope; absent: a token for nothing. */
  readonly scopelessStranger: Refusal | undefined;
  /** What somebody gets who names an action that there is not, or a scope of another form; absent: it is passed over. */
  readonly oddScope: Refusal | undefined;
  /** What somebody gets who may do nothing of what the scopes say; absent: a token for nothing. */
  readonly denied: Refusal | undefined;
  /** What somebody gets whose password is wrong; absent: a token as a stranger gets it. */
  readonly wrongPassword: Refusal | undefined;
  /** Where the token stands in the answer. */
  readonly fields: readonly ("token" | "access_token")[];
  /** Whether the answer says for how long it is good, and since when. */
  readonly tellsLife: boolean;
  /** For how long it is, in seconds. */
  readonly lifeSeconds: number;
  /** Content-Type of the answer. */
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
