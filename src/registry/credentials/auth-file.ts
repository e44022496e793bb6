import type { JsonPath, JsonText } from "../files/json-text.ts";
import type { Credentials } from "./credentials.ts";
import { matchingKeys } from "./server-key.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** Whose credentials are looked for. */
export interface AuthQuery {
  /** `docker.io` for Docker Hub, otherwise host[:port]. */
  readonly host: string;
  readonly repository?: string | undefined;
}

/**
 * Whose file it is: docker's `config.json`, podman's `auth.json` (no common helper, and what is no `user:password` counts
 * for nothing), or the file of docker before 2015, which is a bare map of servers.
 */
export type AuthFileKind = "docker" | "podman" | "dockercfg";

/**
 * One reading of a file with credentials. Only what a lookup needs is checked, so that a flaw elsewhere stops
 * nobody. The methods throw `ErrInvalidArgument` with the file, the position and the reason, never the content.
 */
export class AuthFile {
  readonly #kind: AuthFileKind;
  readonly #json: JsonText;
  readonly #root: JsonObject;

  /** Throws `ErrInvalidArgument` for anything but a JSON object. */
  constructor(kind: AuthFileKind, json: JsonText) {
    this.#kind = kind;
    this.#json = json;
    this.#root = this.#object(json.parse(), []);
  }

  /** The helper to ask about a host. An empty name switches the common helper off for it. */
  helperFor({ host }: AuthQuery): string | undefined {
    if (this.#kind === "dockercfg") return undefined;
    const helpers = this.#object(this.#root["credHelpers"] ?? {}, ["credHelpers"]);
    const [key] = matchingKeys(Object.keys(helpers), { host });
    if (key !== undefined) return this.#text(helpers[key], ["credHelpers", key]);
    return this.#kind === "docker" ? this.#text(this.#root["credsStore"], ["credsStore"]) : undefined;
  }

  /** What the file itself holds; `undefined` when that is nothing, as after a login with a helper. */
  credentialsFor(query: AuthQuery): Credentials | undefined {
    const at = this.authsAt;
    const auths = this.#auths();
    for (const key of matchingKeys(Object.keys(auths), query)) {
      const credentials = this.#entry(auths[key], [...at, key]);
      if (Object.keys(credentials).length > 0) return credentials;
    }
    return undefined;
  }

  /** The keys under which the file says something about a host as a whole, in whatever spelling. */
  keysOf({ host }: AuthQuery): readonly string[] {
    return matchingKeys(Object.keys(this.#auths()), { host });
  }

  /** Where in the document the servers are. */
  get authsAt(): JsonPath {
    return this.#kind === "dockercfg" ? [] : ["auths"];
  }

  /** Headers that docker's command line sends to its engine. */
  httpHeaders(): Readonly<Record<string, string>> {
    const headers = this.#object(this.#root["HttpHeaders"] ?? {}, ["HttpHeaders"]);
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, this.#text(value, ["HttpHeaders", name]) ?? ""]),
    );
  }

  #auths(): JsonObject {
    const at = this.authsAt;
    return this.#object(at.length === 0 ? this.#root : (this.#root["auths"] ?? {}), at);
  }

  #entry(value: unknown, at: JsonPath): Credentials {
    const { auth, username, password, identitytoken, registrytoken } = this.#object(value, at);
    const given = this.#userAndPassword(this.#text(auth, [...at, "auth"]), at);
    const identityToken = this.#text(identitytoken, [...at, "identitytoken"]);
    return definedOnly([
      ["username", given?.username ?? this.#text(username, [...at, "username"])],
      ["password", given ? given.password : this.#text(password, [...at, "password"])],
      ["identityToken", this.#kind === "podman" && !given ? undefined : identityToken],
      ["registryToken", this.#text(registrytoken, [...at, "registrytoken"])],
    ]);
  }

  #userAndPassword(
    auth: string | undefined,
    at: JsonPath,
  ): Pick<Credentials, "username" | "password"> | undefined {
    if (!auth) return undefined;
    const text = Buffer.from(auth, "base64").toString();
    const colon = text.indexOf(":");
    if (colon < 1) {
      if (this.#kind === "podman") return undefined;
      throw this.#invalid([...at, "auth"], 'is not the base64 form of "user:password"');
    }
    // docker used to pad the password with NUL bytes, and still takes them off.
    return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
  }

  #object(value: unknown, at: JsonPath): JsonObject {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw this.#invalid(at, "is not a JSON object");
  }

  #text(value: unknown, at: JsonPath): string | undefined {
    if (value === undefined || value === null) return undefined; // docker reads null as absent
    if (typeof value === "string") return value;
    throw this.#invalid(at, "is not a string");
  }

  #invalid(at: JsonPath, reason: string): Error {
    const [first = "the file", ...rest] = at;
    const where = rest.map((key, index) => (isEntry(at, index) ? `[${JSON.stringify(key)}]` : `.${key}`));
    return this.#json.invalid(at, `${first}${where.join("")} ${reason}`);
  }
}

/** Whether the key behind the first `index` ones is a server's or a header's name, and no field's. */
function isEntry([first]: JsonPath, index: number): boolean {
  return index === 0 && ["auths", "credHelpers", "HttpHeaders"].includes(String(first));
}

function definedOnly<Key extends string>(
  entries: readonly (readonly [Key, string | undefined])[],
): { [K in Key]?: string } {
  const defined = entries.filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(defined) as { [K in Key]?: string };
}
