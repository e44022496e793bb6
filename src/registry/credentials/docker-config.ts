import { createReadStream } from "node:fs";
import { join } from "node:path";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Clock } from "../../async/clock.ts";
import { SharedCalls } from "../../async/shared-calls.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { HUB_DOMAIN } from "../endpoints/lookup-endpoints.ts";
import { credentialsFromHelper } from "./credential-helper.ts";
import type { CredentialSource, Credentials, StoredCredentials } from "./credentials.ts";
import { DockerConfigFile } from "./docker-config-file.ts";
import { canonicalHost } from "./server-key.ts";

/** Where docker keeps its configuration, and how its helpers are run. */
export type DockerConfigOptions = {
  /** The directory of `config.json`, such as `~/.docker`. */
  readonly configDir: string;
  /**
   * Environment of the credential helpers; its `PATH` is searched for them. Default: that of this process.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly clock?: Clock | undefined;
};

/** The key of Docker Hub in docker's configuration; it is older than its present name. */
const HUB_SERVER = "https://index.docker.io/v1/";

/** Largest configuration that is read; docker's own has a few KiB. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * Credentials as `docker login` and `podman login` left them: from the credential helper of the host
 * (`credHelpers`), else from the common one (`credsStore`); when that has none or fails, from `auths` in the
 * file itself. There the entry with the longest matching namespace counts (`registry.example/team`). Hosts
 * are compared whatever their letter case, default port, scheme and version of the API, and Docker Hub by all
 * of its names. The file is read anew for every lookup; no file and an empty one mean anonymous. Concurrent
 * lookups of one host run one helper.
 *
 * The source throws `ErrInvalidArgument` for a malformed or oversized file (the path and the reason, never
 * the content), the error of the disk when it cannot be read, and what `credentialsFromHelper` throws. An
 * engine then goes on as anonymous, see `StoredCredentials`.
 */
export function dockerConfigCredentials(options: DockerConfigOptions): StoredCredentials {
  const path = join(options.configDir, "config.json");
  const helpers = new SharedCalls<Credentials | undefined>();

  async function fromHelper(name: string, host: string, { signal }: AbortOptions) {
    const server = canonicalHost(host) === HUB_DOMAIN ? HUB_SERVER : host;
    const ask = (shared: AbortSignal) => credentialsFromHelper(name, server, { ...options, signal: shared });
    return await helpers.run(JSON.stringify([name, server]), ask, { signal });
  }

  const lookUp: CredentialSource = async (host, { repository, signal } = {}) => {
    throwIfAborted(signal);
    const text = await readConfig(path, { signal });
    if (text === undefined) return undefined;
    const config = new DockerConfigFile(path, text);
    const helper = config.helperFor({ host });
    if (!helper) return config.credentialsFor({ host, repository });
    try {
      const found = await fromHelper(helper, host, { signal });
      return found ?? config.credentialsFor({ host, repository });
    } catch (error) {
      throwIfAborted(signal);
      const inFile = config.credentialsFor({ host, repository });
      if (inFile) return inFile;
      throw error;
    }
  };
  return Object.assign(lookUp, { stored: true } as const);
}

async function readConfig(path: string, { signal }: AbortOptions): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    // `end` is inclusive: one byte more than allowed is enough to know.
    const stream = createReadStream(path, { end: MAX_CONFIG_BYTES, ...(signal ? { signal } : {}) });
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
