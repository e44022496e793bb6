import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { RegistryOptions } from "./registry-options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The options that name files of containerd, docker and podman. */
export type UsualFiles = Required<
  Pick<RegistryOptions, "hostsDir" | "certsDir" | "registriesConf" | "daemonConfig">
>;

/**
 * Where users of containerd, docker and podman have what says how registries are reached, by the environment that is given: a
 * user's own files before the machine's, containerd's before those of docker's engine, which has the same layout. None of them
 * has to be there.
 */
export function registryFilesFromEnvironment(environment: Environment): UsualFiles {
  const own = ownConfiguration(environment);
  const ownCertificates = (...names: readonly string[]) => names.map((name) => join(own, name, "certs.d"));
  return {
    hostsDir: [...ownCertificates("containerd", "docker"), "/etc/containerd/certs.d", "/etc/docker/certs.d"],
    certsDir: [...ownCertificates("containers", "docker"), "/etc/containers/certs.d", "/etc/docker/certs.d"],
    registriesConf: registriesFilesFromEnvironment(environment),
    daemonConfig: [join(own, "docker", "daemon.json"), "/etc/docker/daemon.json"],
  };
}

/**
 * podman's registries.conf with its directories. A user's file, where there is one when this is called, stands in the place of the
 * machine's and its directory (containers-registries.conf(5)).
 */
export function registriesFilesFromEnvironment(environment: Environment): readonly string[] {
  const own = join(ownConfiguration(environment), "containers", "registries.conf");
  const machine = "/etc/containers/registries.conf";
  const named = environment["CONTAINERS_REGISTRIES_CONF"];
  if (named) return [named, `${machine}.d`, `${own}.d`];
  return existsSync(own) ? [own, `${own}.d`] : [machine, `${machine}.d`, `${own}.d`];
}

/** Where a user has configuration of his own. */
export function ownConfiguration(environment: Environment): string {
  return environment["XDG_CONFIG_HOME"] || join(homeOf(environment), ".config");
}

/** A user's home. */
export function homeOf(environment: Environment): string {
  return environment["HOME"] || homedir();
}
