import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { credentialHelpers, registriesPaths } from "../configuration/registries-files.ts";
import { HUB_DOMAIN } from "../endpoints/docker-hub.ts";
import { pathsOf } from "../endpoints/path-list.ts";
import { ConfigurationFiles } from "../files/configuration-files.ts";
import type { AuthFile, AuthFileKind, AuthQuery } from "./auth-file.ts";
import {
  type CommonHelper,
  type CredentialFiles,
  type CredentialPlace,
  credentialPlaces,
} from "./credential-files.ts";
import { credentialsFromHelper } from "./credential-helper.ts";
import type { CredentialSource, Credentials, StoredCredentials } from "./credentials.ts";
import { canonicalHost } from "./server-key.ts";

/** Where credentials are kept, and how helpers are run. */
export interface StoredCredentialsOptions extends CredentialFiles {
  /**
   * Environment of the credential helpers; its `PATH` is searched for them.
   * @defaultValue that of this process
   * @example env: { PATH: "/usr/local/bin:/usr/bin:/bin" }
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Ends a helper that does not answer.
   * @defaultValue the machine's
   * @avoid outside of tests
   * @example clock
   */
  readonly clock?: Clock | undefined;
}

/** Where docker alone keeps credentials, and how helpers are run. */
export interface DockerConfigOptions extends Pick<StoredCredentialsOptions, "env" | "clock"> {
  /**
   * The directory of docker's `config.json`, such as `~/.docker`.
   * @example configDir: "/var/lib/engine/docker"
   */
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
 * API, and Docker Hub by all of its names. Helpers that podman's registries.conf names are places as well. Files are looked at
 * for every lookup; no file means anonymous, and so does an empty one of docker's. Concurrent lookups of one host run one helper.
 *
 * Throws `ErrInvalidArgument` when no place is named at all. The source throws what `readText` throws, `ErrInvalidArgument` for a
 * malformed file (its path, line and column and the reason, never the content), and what `credentialsFromHelper` throws. An
 * engine then goes on as anonymous, as users of docker expect, except where it was podman's file, which podman does not go on
 * without either; see `StoredCredentials`.
 */
export function storedCredentials(options: StoredCredentialsOptions): StoredCredentials {
  const configurations = pathsOf(options.registriesConf);
  if (credentialPlaces(options).length + configurations.length === 0)
    throw new ErrInvalidArgument("Look up credentials: no file to look in is named");
  const files = new ConfigurationFiles(options.clock);
  const helpers = new SharedCalls<Credentials | undefined>();
  const fatal = new WeakSet<object>();

  /** No user of podman goes on without what is wrong there. */
  function noteFatal(error: unknown): void {
    if (error instanceof ErrInvalidArgument) fatal.add(error);
  }

  async function places() {
    try {
      return credentialPlaces(options, await credentialHelpers(files, configurations));
    } catch (error) {
      noteFatal(error);
      throw error;
    }
  }

  async function fromHelper(name: string, server: string, { signal }: AbortOptions) {
    const ask = (shared: AbortSignal) => credentialsFromHelper(name, server, { ...options, signal: shared });
    return await helpers.run(JSON.stringify([name, server]), ask, { signal });
  }

  async function fromText(place: CredentialPlace, query: AuthQuery, { signal }: AbortOptions) {
    const file = await readAuthFile(place, files, { signal });
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

  async function fromPlace(
    place: CredentialPlace | CommonHelper,
    query: AuthQuery,
    { signal }: AbortOptions,
  ): Promise<Credentials | undefined> {
    if ("helper" in place) return await fromHelper(place.helper, serverOf("podman", query.host), { signal });
    try {
      return await fromText(place, query, { signal });
    } catch (error) {
      throwIfAborted(signal);
      if (place.kind === "podman") noteFatal(error);
      throw error;
    }
  }

  const stops = (failure: unknown) => failure instanceof Error && fatal.has(failure);

  const lookUp: CredentialSource = async (host, { repository, signal } = {}) => {
    throwIfAborted(signal);
    const failures: unknown[] = [];
    for (const place of await places()) {
      try {
        const found = await fromPlace(place, { host, repository }, { signal });
        if (found) return found;
      } catch (error) {
        throwIfAborted(signal);
        if (stops(error)) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return undefined;
  };

  async function stamp(): Promise<string> {
    const paths = await registriesPaths(files, configurations);
    const own = credentialPlaces(options).flatMap((place) =>
      "helper" in place || place.text !== undefined ? [] : [place.name],
    );
    return (await Promise.all([...paths, ...own].map((path) => files.stamp(path)))).join();
  }

  return Object.assign(lookUp, { stored: true, stops, stamp } as const);
}

/** What the file of that kind and its helpers know a host by. */
export function serverOf(kind: AuthFileKind, host: string): string {
  return kind !== "podman" && canonicalHost(host) === HUB_DOMAIN ? HUB_SERVER : host;
}

async function readAuthFile(
  place: CredentialPlace,
  files: ConfigurationFiles,
  { signal }: AbortOptions,
): Promise<AuthFile | undefined> {
  const { name, action, text } = place;
  if (text !== undefined) return await parseAuthFile(place, text);
  return await files.read(name, (content) => parseAuthFile(place, content), { action, pipes: true, signal });
}

/** What a text of that place says; an empty file of docker's is an empty configuration, as for docker. Throws as `AuthFile` does. */
export async function parseAuthFile(
  { kind, name, action }: CredentialPlace,
  text: string,
): Promise<AuthFile> {
  const empty = kind === "docker" && text.trim() === "";
  // Loaded here, because most pulls look into no file.
  const [{ AuthFile: Reading }, { JsonText }] = await Promise.all([
    import("./auth-file.ts"),
    import("../files/json-text.ts"),
  ]);
  return new Reading(kind, new JsonText({ action, name, text: empty ? "{}" : text }));
}
