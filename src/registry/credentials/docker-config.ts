import { createReadStream } from "node:fs";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { HUB_DOMAIN } from "../endpoints/lookup-endpoints.ts";
import { credentialsFromHelper } from "./credential-helper.ts";
import type { CredentialSource, Credentials } from "./credentials.ts";

/** Where docker keeps its configuration, and how its helpers are run. */
export type DockerConfigOptions = {
  /** The directory of `config.json`, such as `~/.docker`. */
  readonly configDir: string;
  /** Environment of the credential helpers; its `PATH` is searched for them. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly clock?: Clock | undefined;
};

/** The key of Docker Hub in docker's configuration; it is older than its present name. */
const HUB_SERVER = "https://index.docker.io/v1/";

/** Largest configuration that is read; docker's own has a few KiB. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Credentials as `docker login` left them: from the credential helper of the host (`credHelpers`), else from the common one
 * (`credsStore`), else from `auths` in the file itself. Like docker, a host that has a helper is not looked up in
 * `auths`. The file is read anew for every lookup; no file means anonymous. Concurrent lookups of one host are one.
 *
 * The source throws `ErrInvalidArgument` for a malformed or oversized file (the path and the reason, never the content),
 * the error of the disk when it cannot be read, and what `credentialsFromHelper` throws.
 */
export function dockerConfigCredentials(options: DockerConfigOptions): CredentialSource {
  const path = join(options.configDir, "config.json");
  const lookups = new SharedCalls<Credentials | undefined>();
  const lookUp = async (host: string, signal: AbortSignal): Promise<Credentials | undefined> => {
    const text = await readConfig(path, { signal });
    if (text === undefined) return undefined;
    const server = host === HUB_DOMAIN ? HUB_SERVER : host;
    const config = new DockerConfig(path, text);
    const helper = config.helperFor(server);
    return helper
      ? credentialsFromHelper(helper, server, { ...options, signal })
      : config.credentialsFor(server);
  };
  return (host, { signal } = {}) => lookups.run(host, (shared) => lookUp(host, shared), { signal });
}

async function readConfig(path: string, { signal }: AbortOptions): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    // `end` is inclusive: one byte more than allowed is enough to know.
    const stream = createReadStream(path, { end: MAX_CONFIG_BYTES, signal: signal ?? null });
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (cause) {
    throwIfAborted(signal);
    if (isMissingFile(cause)) return undefined;
    throw diskError("Read docker config", path, cause);
  }
  const bytes = Buffer.concat(chunks);
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new ErrInvalidArgument(`Read docker config "${path}": got more than ${MAX_CONFIG_BYTES} bytes`);
  }
  return bytes.toString();
}

type JsonObject = Readonly<Record<string, unknown>>;

/** One reading of `config.json`. Only what a lookup needs is checked, so that a flaw elsewhere stops nobody. */
class DockerConfig {
  readonly #path: string;
  readonly #root: JsonObject;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#root = this.#object(parseJson(text), "the file");
  }

  /** The helper to ask for `server`. An empty name switches the common helper off for one host. */
  helperFor(server: string): string | undefined {
    const { credHelpers, credsStore } = this.#root;
    const helpers = this.#object(credHelpers ?? {}, "credHelpers");
    return Object.hasOwn(helpers, server)
      ? this.#text(helpers[server], `credHelpers["${server}"]`)
      : this.#text(credsStore, "credsStore");
  }

  /** What `auths` holds for `server`; `undefined` when that is nothing, as after a login with a helper. */
  credentialsFor(server: string): Credentials | undefined {
    const { auths: configured } = this.#root;
    const auths = this.#object(configured ?? {}, "auths");
    const key = findKey(auths, server);
    if (key === undefined) return undefined;
    const where = `auths["${key}"]`;
    const { auth, username, password, identitytoken, registrytoken } = this.#object(auths[key], where);
    const credentials: Credentials = definedOnly({
      username: this.#text(username, `${where}.username`),
      password: this.#text(password, `${where}.password`),
      identityToken: this.#text(identitytoken, `${where}.identitytoken`),
      registryToken: this.#text(registrytoken, `${where}.registrytoken`),
      ...this.#userAndPassword(this.#text(auth, `${where}.auth`), where),
    });
    return Object.keys(credentials).length > 0 ? credentials : undefined;
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the parser's message would quote the content
  }
}

/**
 * The exact key, else the first one that is `server` once its scheme and path are taken off (moby `ResolveAuthConfig`):
 * docker has written `https://host/v1/` and `host/v1/` in its time. Docker Hub has its one key only.
 */
function findKey(auths: JsonObject, server: string): string | undefined {
  if (Object.hasOwn(auths, server)) return server;
  return Object.keys(auths).find((key) => key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "") === server);
}

function definedOnly(credentials: { readonly [Key in keyof Credentials]: string | undefined }): Credentials {
  return Object.fromEntries(
    Object.entries(credentials).filter(([, value]) => value !== undefined && value !== ""),
  );
}
