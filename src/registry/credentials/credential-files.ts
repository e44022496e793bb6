import { join } from "node:path";
import type { PathList } from "../endpoints/registry-options.ts";
import { homeOf, ownConfiguration, registriesFilesFromEnvironment } from "../endpoints/usual-files.ts";
import type { AuthFileKind } from "./auth-file.ts";

/** The files in which docker, podman, skopeo and their kin keep credentials, in the order in which they are asked. */
export interface CredentialFiles {
  /**
   * The text of a docker configuration that comes before all files, such as `DOCKER_AUTH_CONFIG` holds.
   * @defaultValue none
   * @avoid on a command line, where everybody sees it
   * @example dockerAuthConfig: process.env["DOCKER_AUTH_CONFIG"] ?? "{}"
   */
  readonly dockerAuthConfig?: string | undefined;
  /**
   * podman's `auth.json`; of several the first one that knows the host counts. One that is not there is passed over.
   * @defaultValue none
   * @example authFile: "/var/lib/engine/auth.json"
   */
  readonly authFile?: string | readonly string[] | undefined;
  /**
   * The directory of docker's `config.json`, such as `~/.docker`.
   * @defaultValue none
   * @example dockerConfigDir: "/var/lib/engine/docker"
   */
  readonly dockerConfigDir?: string | undefined;
  /**
   * The file of docker before 2015, `~/.dockercfg`.
   * @defaultValue none
   * @example dockercfg: "/var/lib/engine/.dockercfg"
   */
  readonly dockercfg?: string | undefined;
  /**
   * podman's registries.conf, and directories of such files. Their `credential-helpers` say which helpers are asked for every
   * host, and when the files above are: for the name `containers-auth.json`. Without that name `authFile` counts for nothing, and
   * docker's files come last.
   * @defaultValue none: no helper is asked for every host
   * @example registriesConf: ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d"]
   */
  readonly registriesConf?: PathList | undefined;
}

/** A text in which credentials are kept. */
export interface CredentialPlace {
  readonly kind: AuthFileKind;
  /** Path of the file, or another name for it. */
  readonly name: string;
  /** What is done when it is read, for messages. */
  readonly action: string;
  /** What it holds, where that is no file. */
  readonly text?: string;
}

/** A file in which credentials are kept. */
export type CredentialFile = Omit<CredentialPlace, "text">;

/** A credential helper that is asked for every host. */
export interface CommonHelper {
  readonly helper: string;
}

/** What podman calls its own files among credential helpers. */
const AUTH_FILES = "containers-auth.json";

const ACTIONS: Readonly<Record<AuthFileKind, string>> = {
  docker: "Read docker config",
  podman: "Read auth file",
  dockercfg: "Read docker config",
};

/**
 * The places of `files`, in the order to ask.
 *
 * @param helpers `credential-helpers` of podman; `undefined` where nobody says anything
 */
export function credentialPlaces(
  files: CredentialFiles,
  helpers: readonly string[] = [AUTH_FILES],
): readonly (CredentialPlace | CommonHelper)[] {
  const { dockerAuthConfig: text, authFile = [], dockerConfigDir, dockercfg } = files;
  const ofEnvironment = { kind: "docker", name: "DOCKER_AUTH_CONFIG", action: ACTIONS.docker } as const;
  const podmans = [authFile].flat().map((path) => credentialFile("podman", path));
  const dockers = [
    ...(dockerConfigDir === undefined ? [] : [dockerConfigFile(dockerConfigDir)]),
    ...(dockercfg === undefined ? [] : [credentialFile("dockercfg", dockercfg)]),
  ];
  return [
    ...(text === undefined ? [] : [{ ...ofEnvironment, text }]),
    ...helpers.flatMap((helper): readonly (CredentialPlace | CommonHelper)[] =>
      helper === AUTH_FILES ? [...podmans, ...dockers] : [{ helper }],
    ),
    ...(helpers.includes(AUTH_FILES) ? [] : dockers),
  ];
}

/** docker's `config.json` in its directory. */
export function dockerConfigFile(dockerConfigDir: string): CredentialFile {
  return credentialFile("docker", join(dockerConfigDir, "config.json"));
}

/** A file in which credentials are kept. */
export function credentialFile(kind: AuthFileKind, path: string): CredentialFile {
  return { kind, name: path, action: ACTIONS[kind] };
}

/** The directory of docker's `config.json`, by the environment that is given: `$DOCKER_CONFIG` or `~/.docker`. */
export function dockerConfigDirFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return environment["DOCKER_CONFIG"] || join(homeOf(environment), ".docker");
}

/**
 * Where a user of docker, podman or skopeo has credentials, by the environment that is given: `DOCKER_AUTH_CONFIG` first. Then
 * the file of `REGISTRY_AUTH_FILE` alone, or else podman's files (`$XDG_RUNTIME_DIR/containers/auth.json`,
 * `~/.config/containers/auth.json`), docker's (`$DOCKER_CONFIG/config.json`, by default `~/.docker/config.json`) and
 * `~/.dockercfg`, in the order that podman's registries.conf gives to its credential helpers.
 */
export function credentialFilesFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): CredentialFiles {
  const { DOCKER_AUTH_CONFIG: dockerAuthConfig, REGISTRY_AUTH_FILE: authFile } = environment;
  const common = dockerAuthConfig ? { dockerAuthConfig } : {};
  if (authFile) return { ...common, authFile };
  const own = join(ownConfiguration(environment), "containers", "auth.json");
  return {
    ...common,
    authFile: [...runtimeAuthFiles(environment), own],
    dockerConfigDir: dockerConfigDirFromEnvironment(environment),
    dockercfg: join(homeOf(environment), ".dockercfg"),
    registriesConf: registriesFilesFromEnvironment(environment),
  };
}

/** podman keeps a login until the machine restarts, where the system has a place for that. */
function runtimeAuthFiles({
  XDG_RUNTIME_DIR: runtime,
}: Readonly<Record<string, string | undefined>>): string[] {
  if (process.platform !== "linux") return [];
  const directory = runtime || `/run/containers/${process.getuid?.() ?? 0}`;
  return [join(directory, ...(runtime ? ["containers"] : []), "auth.json")];
}
