import type { Account } from "../auth/access.ts";
import type { BearerOptions } from "../auth/token-server.ts";
import { BASIC_CHALLENGE, BEARER_CHALLENGE, OPEN_CHALLENGE } from "../habits/challenge-habits.ts";
import { type Habits, HONEST_HABITS, type SomeHabits, withHabits } from "../habits/habits.ts";
import type { V1Options } from "../v1/v1-api.ts";

/** Who may use the registry: everybody, one account by Basic, or whoever the token server lets in. */
export type AuthOptions =
  | "anonymous"
  | {
      /**
       * The account, whose password is wanted with each request.
       * @example basic: { username: "jane", password: "correct horse" }
       */
      readonly basic: Account;
    }
  | { readonly bearer: BearerOptions };

/** Who may do what, however the registry asks for it. */
export type AccessOptions = Omit<BearerOptions, "service">;

/** How the API behaves. */
export interface ApiOptions {
  /**
   * How the registry asks who somebody is. With a profile or `habits` the way to ask is theirs, unless it is given here.
   * @defaultValue `anonymous`
   * @example auth: { basic: { username: "jane", password: "correct horse" } }
   */
  readonly auth?: AuthOptions | undefined;
  /**
   * The account and what it may do; it is asked for in the way of `auth`, of the profile or of `habits`, otherwise with tokens.
   * @defaultValue everybody may do everything
   * @example access: { username: "jane", password: "correct horse", anonymousPull: true }
   */
  readonly access?: AccessOptions | undefined;
  /**
   * Switches for where registries differ; see the room `habits`. The other options here win over them.
   * @defaultValue `HONEST_HABITS`
   * @avoid for a single answer: that is a fault
   * @example habits: { pull: { ranges: false } }
   */
  readonly habits?: SomeHabits | undefined;
  /**
   * Whether the referrers API is on. Without it clients have to keep the fallback tag.
   * @defaultValue `true`
   * @example referrers: false
   */
  readonly referrers?: boolean | undefined;
  /**
   * Smallest chunk of an upload but for the last one, in bytes; announced and enforced.
   * @defaultValue none
   * @example chunkMinBytes: 1_048_576
   */
  readonly chunkMinBytes?: number | undefined;
  /**
   * Largest manifest that can be pushed, in bytes.
   * @defaultValue 4,194,304
   * @example maxManifestBytes: 100_000
   */
  readonly maxManifestBytes?: number | undefined;
  /**
   * Whether a pushed manifest may only name content that is there.
   * @defaultValue `true`
   * @example checkReferences: false
   */
  readonly checkReferences?: boolean | undefined;
  /**
   * Most entries of a page of tags or referrers.
   * @unit entries
   * @defaultValue 1,000
   * @example pageSize: 2
   */
  readonly pageSize?: number | undefined;
  /**
   * Whether, and how, the registry speaks version 1 as well, which existed before.
   * @defaultValue `false`
   * @example v1: true
   */
  readonly v1?: boolean | V1Options | undefined;
}

const NO_REFERRERS = {
  status: 404,
  words: { code: "UNSUPPORTED", message: "referrers are not supported" },
} as const;

/** All switches as the options set them. */
export function habitsOf(options: ApiOptions): Habits {
  const { habits = {}, referrers, chunkMinBytes, maxManifestBytes, pageSize } = options;
  const isAsked = options.access !== undefined && habits.challenge?.scheme === undefined;
  return withHabits(
    HONEST_HABITS,
    isAsked ? { challenge: BEARER_CHALLENGE } : {},
    habits,
    { challenge: challengeOf(options.auth) },
    {
      ...(chunkMinBytes !== undefined && { upload: { minPartBytes: chunkMinBytes } }),
      ...(maxManifestBytes !== undefined && { manifests: { maxBytes: maxManifestBytes } }),
      lists: {
        ...(pageSize !== undefined && { pageSize }),
        ...(referrers !== undefined && { noReferrers: referrers ? undefined : NO_REFERRERS }),
      },
    },
  );
}

function challengeOf(auth: AuthOptions | undefined): Partial<Habits["challenge"]> {
  if (auth === undefined) return {};
  if (auth === "anonymous") return OPEN_CHALLENGE;
  if ("basic" in auth) return BASIC_CHALLENGE;
  const { service = BEARER_CHALLENGE.service } = auth.bearer;
  return { ...BEARER_CHALLENGE, service };
}

/** Who may do what, from whichever option says it. */
export function rulesOf({ auth, access }: ApiOptions): AccessOptions {
  const own = typeof auth === "object" && "bearer" in auth ? auth.bearer : {};
  return { ...own, ...access };
}

/** The one account, if there is one. */
export function accountOf(options: ApiOptions): Account | undefined {
  const { auth } = options;
  if (typeof auth === "object" && "basic" in auth) return auth.basic;
  const { username, password } = rulesOf(options);
  return username === undefined || password === undefined ? undefined : { username, password };
}
