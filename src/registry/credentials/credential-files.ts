import { homedir } from "node:os";
import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { readText } from "../files/read-text.ts";
import type { AuthFileKind } from "./auth-file.ts";

/** The files in which docker, podman, skopeo and their kin keep credentials, in the order in which they are asked. */
export interface CredentialFiles {
  /** The text of a docker configuration that comes before all files, such as `DOCKER_AUTH_CONFIG` holds. */
  readonly dockerAuthConfig?: string | undefined;
  /** podman's `auth.json`; of several the first one that knows the host counts. One that is not there is passed over. */
  readonly authFile?: string | readonly string[] | undefined;
  /** The directory of docker's `config.json`, such as `~/.docker`. */
  readonly dockerConfigDir?: string | undefined;
  /** The file of docker before 2015, `~/.dockercfg`. */
  readonly dockercfg?: string | undefined;
}

/** One place to look for credentials in. */
export interface CredentialPlace {
  readonly kind: AuthFileKind;
  /** Path of the file, or another name for it. */
  readonly name: string;
  /** What is done when it is read, for messages. */
  readonly action: string;
  /** Its text; `undefined` when there is none. Throws what `readText` throws. */
  read(options: AbortOptions): Promise<string | undefined>;
}

const ACTIONS: Readonly<Record<AuthFileKind, string>> = {
  docker: "Read docker config",
  podman: "Read auth file",
  dockercfg: "Read docker config",
};

/** The places of `files`, in the order to ask. */
export function credentialPlaces(files: CredentialFiles): readonly CredentialPlace[] {
  const { dockerAuthConfig, authFile = [], dockerConfigDir, dockercfg } = files;
  const ofEnvironment = { kind: "docker", name: "DOCKER_AUTH_CONFIG", action: ACTIONS.docker } as const;
  return [
    ...(dockerAuthConfig === undefined ? [] : [{ ...ofEnvironment, read: async () => dockerAuthConfig }]),
    ...[authFile].flat().map((path) => filePlace("podman", path)),
    ...(dockerConfigDir === undefined ? [] : [dockerConfigPlace(dockerConfigDir)]),
    ...(dockercfg === undefined ? [] : [filePlace("dockercfg", dockercfg)]),
  ];
}

/** docker's `config.json` in its directory. */
export function dockerConfigPlace(dockerConfigDir: string): CredentialPlace {
  return filePlace("docker", join(dockerConfigDir, "config.json"));
}

/** A file in which credentials are kept. */
export function filePlace(kind: AuthFileKind, path: string): CredentialPlace {
  const action = ACTIONS[kind];
  return { kind, name: path, action, read: (options) => readText(action, path, options) };
}

/**
 * Where a user of docker, podman or skopeo has credentials, by the environment that is given: `DOCKER_AUTH_CONFIG` first. Then
 * the file of `REGISTRY_AUTH_FILE` alone, or else podman's files (`$XDG_RUNTIME_DIR/containers/auth.json`,
 * `~/.config/containers/auth.json`), docker's (`$DOCKER_CONFIG/config.json`, by default `~/.docker/config.json`) and
 * `~/.dockercfg`.
 */
export function credentialFilesFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): CredentialFiles {
  const { DOCKER_AUTH_CONFIG: dockerAuthConfig, REGISTRY_AUTH_FILE: authFile } = environment;
  const common = dockerAuthConfig ? { dockerAuthConfig } : {};
  if (authFile) return { ...common, authFile };
  const home = environment["HOME"] || homedir();
  const configHome = environment["XDG_CONFIG_HOME"] || join(home, ".config");
  return {
    ...common,
    authFile: [...runtimeAuthFiles(environment), join(configHome, "containers", "auth.json")],
    dockerConfigDir: environment["DOCKER_CONFIG"] || join(home, ".docker"),
    dockercfg: join(home, ".dockercfg"),
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
