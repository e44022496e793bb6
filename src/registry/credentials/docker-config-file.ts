import { ErrInvalidArgument } from "../../errors/classes.ts";
import { parseJson } from "../http/parse-json.ts";
import type { Credentials } from "./credentials.ts";
import { matchingKeys } from "./server-key.ts";

type JsonObject = Readonly<Record<string, unknown>>;

/** Whose credentials are looked for. */
export interface DockerConfigQuery {
  /** `docker.io` for Docker Hub, otherwise host[:port]. */
  readonly host: string;
  readonly repository?: string | undefined;
}

/**
 * One reading of `config.json`. Only what a lookup needs is checked, so that a flaw elsewhere stops nobody.
 * The methods throw `ErrInvalidArgument` with the path and the reason, never the content.
 */
export class DockerConfigFile {
  readonly #path: string;
  readonly #root: JsonObject;

  /**
   * An empty text is an empty configuration, as for docker. Throws `ErrInvalidArgument` for anything but a
   * JSON object.
   */
  constructor(path: string, text: string) {
    this.#path = path;
    this.#root = text.trim() === "" ? {} : this.#object(parseJson(text), "the file");
  }

  /** The helper to ask about a host. An empty name switches the common helper off for it. */
  helperFor({ host }: DockerConfigQuery): string | undefined {
    const { credHelpers, credsStore } = this.#root;
    const helpers = this.#object(credHelpers ?? {}, "credHelpers");
    const [key] = matchingKeys(Object.keys(helpers), { host });
    return key === undefined
      ? this.#text(credsStore, "credsStore")
      : this.#text(helpers[key], `credHelpers["${key}"]`);
  }

  /** What `auths` holds; `undefined` when that is nothing, as after a login with a helper. */
  credentialsFor(query: DockerConfigQuery): Credentials | undefined {
    const auths = this.#object(this.#root["auths"] ?? {}, "auths");
    for (const key of matchingKeys(Object.keys(auths), query)) {
      const credentials = this.#entry(auths[key], `auths["${key}"]`);
      if (Object.keys(credentials).length > 0) return credentials;
    }
    return undefined;
  }

  #entry(value: unknown, where: string): Credentials {
    const { auth, username, password, identitytoken, registrytoken } = this.#object(value, where);
    return definedOnly({
      username: this.#text(username, `${where}.username`),
      password: this.#text(password, `${where}.password`),
      identityToken: this.#text(identitytoken, `${where}.identitytoken`),
      registryToken: this.#text(registrytoken, `${where}.registrytoken`),
      ...this.#userAndPassword(this.#text(auth, `${where}.auth`), where),
    });
  }

  #userAndPassword(auth: string | undefined, where: string): Credentials {
    if (!auth) return {};
    const text = Buffer.from(auth, "base64").toString();
    const colon = text.indexOf(":");
    if (colon < 1) throw this.#invalid(`${where}.auth is not the base64 form of "user:password"`);
    // docker used to pad the password with NUL bytes, and still takes them off.
    const password = text.slice(colon + 1).replace(/\0+$/, "");
    return { username: text.slice(0, colon), ...(password === "" ? {} : { password }) };
  }

  #object(value: unknown, where: string): JsonObject {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw this.#invalid(`${where} is not a JSON object`);
  }

  #text(value: unknown, where: string): string | undefined {
    if (value === undefined || value === null) return undefined; // docker reads null as absent
    if (typeof value === "string") return value;
    throw this.#invalid(`${where} is not a string`);
  }

  #invalid(reason: string): ErrInvalidArgument {
    return new ErrInvalidArgument(`Read docker config "${this.#path}": ${reason}`);
  }
}

function definedOnly(credentials: { readonly [Key in keyof Credentials]: string | undefined }): Credentials {
  return Object.fromEntries(
    Object.entries(credentials).filter(([, value]) => value !== undefined && value !== ""),
  );
}
