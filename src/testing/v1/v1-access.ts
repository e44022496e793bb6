import { randomBytes } from "node:crypto";
import { type Account, parseBasic } from "../auth/access.ts";
import type { Call, Reply, ReplyHeaders } from "../http/reply.ts";
import { refuseV1 } from "./v1-reply.ts";

/** Name of the session cookie. */
const COOKIE = "session";

/** Who may see what, in the way of version 1. */
export interface V1AccessOptions {
  /** Whether tokens are neither given nor asked for. */
  readonly standalone: boolean;
  /** The one account; absent: everybody may read. */
  readonly account?: Account | undefined;
}

/**
 * Tokens and sessions of version 1. The index gives a token to whoever may read; a token opens one session, which goes on
 * with a cookie. A standalone registry knows neither, and wants the account with every request.
 */
export class V1Access {
  readonly #options: V1AccessOptions;
  readonly #tokens = new Set<string>();
  readonly #sessions = new Set<string>();

  constructor(options: V1AccessOptions) {
    this.#options = options;
  }

  /** Makes all tokens and sessions invalid, as if they had expired. */
  revoke(): void {
    this.#tokens.clear();
    this.#sessions.clear();
  }

  /** For the index: the 401 to answer with, or the headers that let the client in. */
  enter({ headers, route }: Call): Reply | ReplyHeaders {
    if (!this.#isAccount(headers.authorization)) return unauthorized('Basic realm="auth required",Token');
    if (this.#options.standalone || headers["x-docker-token"] !== "true") return {};
    const signature = randomBytes(8).toString("hex");
    this.#tokens.add(signature);
    const token = `signature=${signature},repository="${route.repository ?? ""}",access=read`;
    return { "x-docker-token": token, "www-authenticate": `Token ${token}` };
  }

  /** For everything else: the 401 to answer with, or the headers of an answer, which may open a session. */
  pass({ headers }: Call): Reply | ReplyHeaders {
    const { authorization = "", cookie = "" } = headers;
    if (this.#options.standalone) {
      return this.#isAccount(authorization) ? {} : unauthorized('Basic realm="auth required"');
    }
    const session = new RegExp(`(?:^|;\\s*)${COOKIE}=(\\w+)`).exec(cookie)?.[1];
    if (session !== undefined && this.#sessions.has(session)) return {};
    const signature = /^token\b.*\bsignature="?(\w+)/i.exec(authorization)?.[1];
    if (signature === undefined || !this.#tokens.delete(signature)) return unauthorized("Token");
    const opened = randomBytes(16).toString("hex");
    this.#sessions.add(opened);
    return { "set-cookie": `${COOKIE}=${opened}; Path=/; HttpOnly` };
  }

  #isAccount(authorization: string | undefined): boolean {
    const { account } = this.#options;
    if (account === undefined) return true;
    const given = parseBasic(authorization);
    return given?.username === account.username && given.password === account.password;
  }
}

/** Whether an outcome is the answer already. */
export function isReply(outcome: Reply | ReplyHeaders): outcome is Reply {
  return typeof outcome["status"] === "number";
}

function unauthorized(challenge: string): Reply {
  return refuseV1(401, "Requires authorization", { "www-authenticate": challenge });
}
