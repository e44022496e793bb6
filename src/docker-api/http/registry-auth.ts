import type { IncomingMessage } from "node:http";
import { isJsonObject, type JsonObject, ownField } from "../../oci/json-object.ts";
import type { Credentials } from "../../registry/credentials/credentials.ts";

/** Longest `X-Registry-Auth` that is read, in characters: identity tokens take some thousands. */
const MAX_AUTH_CHARS = 64 * 1024;

/**
 * The credentials that a client sends along in `X-Registry-Auth`: base64 of JSON, by either alphabet. Absent where there are
 * none and where they cannot be read, as dockerd does.
 */
export function registryAuth({ headers }: IncomingMessage): Credentials | undefined {
  const header = headers["x-registry-auth"];
  if (typeof header !== "string" || header === "" || header.length > MAX_AUTH_CHARS) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
    return isJsonObject(value) ? credentialsIn(value) : undefined;
  } catch {
    return undefined;
  }
}

/** The credentials in docker's `AuthConfig`; absent where it has none. */
export function credentialsIn(config: JsonObject): Credentials | undefined {
  const text = <K extends string>(name: string, as: K): { readonly [Key in K]?: string } => {
    const value = ownField(config, name);
    return typeof value === "string" && value !== ""
      ? ({ [as]: value } as { readonly [Key in K]: string })
      : {};
  };
  const registryToken = text("registrytoken", "registryToken");
  if (registryToken.registryToken !== undefined) return registryToken;
  const user = text("username", "username");
  const identityToken = text("identitytoken", "identityToken");
  if (identityToken.identityToken !== undefined) return { ...user, ...identityToken };
  const account = { ...user, ...text("password", "password") };
  return Object.keys(account).length > 0 ? account : undefined;
}

/** The headers of a client that registries are to see: those whose name begins with `X-Meta-`. */
export function metaHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith("x-meta-") && typeof value === "string" ? [[name, value] as const] : [],
    ),
  );
}
