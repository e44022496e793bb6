import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { HUB_DOMAIN } from "../endpoints/docker-hub.ts";
import type { AuthFileKind, AuthQuery } from "./auth-file.ts";
import { type CredentialFiles, type CredentialPlace, credentialPlaces } from "./credential-files.ts";
import { credentialsFromHelper } from "./credential-helper.ts";
import type { CredentialSource, Credentials, StoredCredentials } from "./credentials.ts";
import { canonicalHost } from "./server-key.ts";

/** Where credentials are kept, and how helpers are run. */
export interface StoredCredentialsOptions extends CredentialFiles {
  /**
   * Environment of the credential helpers; its `PATH` is searched for them. Default: that of this process.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly clock?: Clock | undefined;
}

/** Where docker alone keeps credentials, and how helpers are run. */
export interface DockerConfigOptions extends Pick<StoredCredentialsOptions, "env" | "clock"> {
  /** The directory of docker's `config.json`, such as `~/.docker`. */
  readonly configDir: string;
}

/** `storedCredentials` out of docker's configuration and nothing else. Throws as that does. */
export function dockerConfigCredentials({ configDir, ...rest }: DockerConfigOptions): StoredCredentials {
  return storedCredentials({ ...rest, dockerConfigDir: configDir });
}

/** The key of Docker Hub in docker's configuration; it is older than its present name. */
const HUB_SERVER = "https://index.docker.io/v1/";

/**
 * Credentials as `docker login` and `podman login` left them, out of the first place that has some for the host. In each
 * place they come from the credential helper of the host (`credHelpers`), else in docker's from the common one
 * (`credsStore`); when that has none or fails, from the file itself. There the entry with the longest matching namespace
 * counts (`registry.example/team`). Hosts are compared whatever their letter case, default port, scheme and version of the
 * API, and Docker Hub by all of its names. Files are read anew for every lookup; no file means anonymous, and so does an
 * empty one of docker's. Concurrent lookups of one host run one helper.
 *
 * Throws `ErrInvalidArgument` when no place is named at all. The source throws `ErrInvalidArgument` for a malformed or
 * oversized file (its path, line and column and the reason, never the content), the error of the disk when it cannot be
 * read, and what `credentialsFromHelper` throws. An engine then goes on as anonymous, as users of docker expect, except
 * where it was podman's file, which podman does not go on without either; see `StoredCredentials`.
 */
export function storedCredentials(options: StoredCredentialsOptions): StoredCredentials {
  const places = credentialPlaces(options);
  if (places.length === 0) throw new ErrInvalidArgument("Look up credentials: no file to look in is named");
  const helpers = new SharedCalls<Credentials | undefined>();
  const fatal = new WeakSet<object>();

  async function fromHelper(name: string, server: string, { signal }: AbortOptions) {
    const ask = (shared: AbortSignal) => credentialsFromHelper(name, server, { ...options, signal: shared });
    return await helpers.run(JSON.stringify([name, server]), ask, { signal });
  }

  async function fromPlace(place: CredentialPlace, query: AuthQuery, { signal }: AbortOptions) {
    const file = await readAuthFile(place, { signal });
    const helper = file?.helperFor(query);
    if (!helper) return file?.credentialsFor(query);
    try {
      const found = await fromHelper(helper, serverOf(place.kind, query.host), { signal });
      return found ?? file?.credentialsFor(query);
    } catch (error) {
      throwIfAborted(signal);
      const inFile = file?.credentialsFor(query);
      if (inFile) return inFile;
      throw error;
    }
  }

  const lookUp: CredentialSource = async (host, { repository, signal } = {}) => {
    throwIfAborted(signal);
    const failures: unknown[] = [];
    for (const place of places) {
      try {
        const found = await fromPlace(place, { host, repository }, { signal });
        if (found) return found;
      } catch (error) {
        throwIfAborted(signal);
        if (place.kind === "podman" && error instanceof ErrInvalidArgument) {
          fatal.add(error);
          throw error;
        }
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return undefined;
  };
  const stops = (failure: unknown) => failure instanceof Error && fatal.has(failure);
  return Object.assign(lookUp, { stored: true, stops } as const);
}

/** What the file of that kind and its helpers know a host by. */
export function serverOf(kind: AuthFileKind, host: string): string {
  return kind !== "podman" && canonicalHost(host) === HUB_DOMAIN ? HUB_SERVER : host;
}

/**
 * What a place holds now; `undefined` when it is not there. An empty file of docker's is an empty configuration, as for docker.
 * Throws what `AuthFile` and `readText` throw.
 */
export async function readAuthFile(place: CredentialPlace, { signal }: AbortOptions = {}) {
  const { kind, name, action } = place;
  const text = await place.read({ signal });
  if (text === undefined) return undefined;
  const empty = kind === "docker" && text.trim() === "";
  // Loaded here, because most pulls look into no file.
  const [{ AuthFile }, { JsonText }] = await Promise.all([
    import("./auth-file.ts"),
    import("../files/json-text.ts"),
  ]);
  return new AuthFile(kind, new JsonText({ action, name, text: empty ? "{}" : text }));
}
