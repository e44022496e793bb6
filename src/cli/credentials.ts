import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import {
  type CredentialFiles,
  type CredentialSource,
  type Credentials,
  credentialFilesFromEnvironment,
  dockerConfigDirFromEnvironment,
} from "../index.ts";
import type { LoginFile, StoredCredentials } from "../registry.ts";
import { tell } from "./output.ts";

/** Where a command finds credentials, when not in the usual places. */
export interface CredentialCliOptions {
  readonly config?: string;
  readonly authfile?: string;
  /** podman's registries.conf, which may name helpers. */
  readonly registriesConf?: string;
}

/** Adds `--config` and `--authfile`. */
export function addCredentialOptions(command: Command): Command {
  return command
    .option("--config <dir>", "where docker's config.json lies (default: $DOCKER_CONFIG, then ~/.docker)")
    .option("--authfile <file>", "podman's auth.json, and nothing else (default: $REGISTRY_AUTH_FILE)");
}

/** The directory of docker's configuration, whatever else there is. */
function dockerConfigDir({
  config = dockerConfigDirFromEnvironment(process.env),
}: CredentialCliOptions): string {
  return config;
}

/** Where to look: what is named on the command line, or else where docker and podman would. */
export function credentialFiles(options: CredentialCliOptions): CredentialFiles {
  const { config, authfile, registriesConf } = options;
  if (authfile !== undefined) return { authFile: authfile };
  const { dockerAuthConfig, ...usual } = credentialFilesFromEnvironment(process.env);
  if (config !== undefined) return { dockerAuthConfig, dockerConfigDir: config };
  const isNamed = registriesConf !== undefined && usual.registriesConf !== undefined;
  return { dockerAuthConfig, ...usual, ...(isNamed && { registriesConf }) };
}

/** Where a login is kept: in podman's file where that is named, by the environment too, otherwise in docker's. */
export function loginFile(options: CredentialCliOptions): LoginFile {
  const { config, authfile = config === undefined ? process.env["REGISTRY_AUTH_FILE"] : undefined } = options;
  return authfile ? { authFile: authfile } : { dockerConfigDir: dockerConfigDir(options) };
}

/** What would be sent to `host`; `undefined` also for what cannot be read. */
export async function currentCredentials(
  host: string,
  options: CredentialCliOptions,
): Promise<Credentials | undefined> {
  const { storedCredentials } = await import("../registry.ts");
  return await storedCredentials(credentialFiles(options))(host).catch(() => undefined);
}

/**
 * What `docker login` and `podman login` left. That docker's cannot be read stops nothing that everybody may have: it is
 * told once on stderr for each reason, as docker does, because otherwise nobody would know why a registry refuses.
 */
export function storedCredentialsOf(options: CredentialCliOptions): CredentialSource {
  const told = new Set<string>();
  const files = credentialFiles(options);
  let opened: StoredCredentials | undefined;
  const open = async (): Promise<StoredCredentials> => {
    opened ??= (await import("../registry.ts")).storedCredentials(files);
    return opened;
  };
  const lookUp: CredentialSource = async (host, context = {}) => {
    const source = await open();
    try {
      return await source(host, context);
    } catch (error) {
      if (context.signal?.aborted || source.stops?.(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (!told.has(reason)) tell(`warning: no credentials for ${host}, going on without: ${reason}`);
      told.add(reason);
      throw error;
    }
  };
  const stops = (failure: unknown): boolean => opened?.stops?.(failure) ?? false;
  const stamp = async (): Promise<string> => (await (await open()).stamp?.()) ?? "";
  return Object.assign(lookUp, { stored: true, stops, stamp } as const);
}

/**
 * The headers of docker's configuration that reach a registry: docker's engine passes on those named `X-Meta-*`. A
 * configuration that cannot be read has none; the lookup of credentials tells of it.
 */
export async function metaHeadersOf(
  options: CredentialCliOptions,
): Promise<Readonly<Record<string, string>>> {
  const directory = dockerConfigDir(options);
  if (!existsSync(join(directory, "config.json"))) return {}; // loads nothing for nothing
  const { dockerMetaHeaders } = await import("../registry.ts");
  return await dockerMetaHeaders(directory).catch(() => ({}));
}
