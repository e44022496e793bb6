import { type Call, type Reply, refuse } from "../http/reply.ts";
import { TOKEN_PATH } from "../http/route.ts";
import { type Access, type Account, type Guard, parseBasic, scopeOf } from "./access.ts";
import type { TokenServer } from "./token-server.ts";

/** Lets everybody do everything. */
export const OPEN_GUARD: Guard = { check: () => undefined };

/** Asks for the one account by Basic authentication (RFC 7617). */
export function basicGuard(account: Account): Guard {
  return {
    check(call) {
      const given = parseBasic(call.headers.authorization);
      const known = given?.username === account.username && given.password === account.password;
      return known ? undefined : unauthorized('Basic realm="drayage test registry"');
    },
  };
}

/**
 * Asks for a token of `tokens` that grants what the request needs (docker token authentication). The realm has the
 * origin that the client used, so that it works under any name of this host.
 */
export function bearerGuard(tokens: TokenServer, scheme: "http" | "https"): Guard {
  return {
    check(call, needed) {
      const [, token] = /^bearer\s+(\S+)$/i.exec(call.headers.authorization ?? "") ?? [];
      const realm = `${scheme}://${call.headers.host ?? ""}${TOKEN_PATH}`;
      const challenge = `Bearer realm="${realm}",service="${tokens.service}"${scopeParameter(needed)}`;
      if (token === undefined) return unauthorized(challenge);
      if (!tokens.isValid(token)) return unauthorized(`${challenge},error="invalid_token"`);
      return tokens.allows(token, needed)
        ? undefined
        : unauthorized(`${challenge},error="insufficient_scope"`, call);
    },
  };
}

function scopeParameter(needed: readonly Access[]): string {
  return needed.length === 0 ? "" : `,scope="${needed.map(scopeOf).join(" ")}"`;
}

function unauthorized(challenge: string, call?: Call): Reply {
  return refuse("UNAUTHORIZED", "authentication required", {
    headers: { "www-authenticate": challenge },
    detail: call && { repository: call.route.repository },
  });
}
