import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { ErrInvalidArgument } from "../errors.ts";
import type { DistributionOptions } from "../index.ts";

type RegistryOptions = NonNullable<DistributionOptions["registry"]>;

/** Which files say how a registry is reached, when not the usual ones. */
export interface RegistryFilesCliOptions {
  readonly hostsDir?: string;
  readonly certsDir?: string;
  readonly registriesConf?: string;
  readonly caFile?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Adds the options that name files about registries. */
export function addRegistryFilesOptions(command: Command): Command {
  return command
    .option("--hosts-dir <dir>", "directories with a hosts.toml per registry, as containerd has", existing)
    .option("--certs-dir <dir>", "directories with certificates per registry, as docker has", existing)
    .option("--registries-conf <file>", "podman's registries.conf, or directories of such files", existing)
    .option("--ca-file <file>", "authorities to trust for the registry, PEM")
    .option("--cert <file>", "client certificate for the registry, PEM")
    .option("--key <file>", "key of the client certificate (default: in the file of the certificate)");
}

/** What the files say about the registries `hosts`: those that are named, or else those of containerd, docker and podman. */
export function registryFiles(options: RegistryFilesCliOptions, hosts: readonly string[]): RegistryOptions {
  const tls = tlsOptions(options);
  return {
    hostsDir: options.hostsDir ?? usual(hostsDirectories()),
    certsDir: options.certsDir ?? usual(certificateDirectories()),
    registriesConf: options.registriesConf ?? usual(registriesFiles(process.env)),
    daemonConfig: usual(daemonFiles())[0],
    ...(tls && { tls: Object.fromEntries(hosts.map((host) => [host, tls])) }),
  };
}

/** What is named and not there is a mistake. */
function existing(value: string): string {
  const missing = value.split(delimiter).find((path) => path === "" || !existsSync(path));
  if (missing !== undefined) throw new InvalidArgumentError("no such file or directory");
  return value;
}

function usual(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => existsSync(path));
}

function configHome(): string {
  return process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
}

/** A user's own come before the machine's, containerd's before those of docker's engine, which has the same layout. */
function hostsDirectories(): readonly string[] {
  const own = ["containerd", "docker"].map((name) => join(configHome(), name, "certs.d"));
  return [...own, "/etc/containerd/certs.d", "/etc/docker/certs.d"];
}

function certificateDirectories(): readonly string[] {
  const own = ["containers", "docker"].map((name) => join(configHome(), name, "certs.d"));
  return [...own, "/etc/containers/certs.d", "/etc/docker/certs.d"];
}

/** A user's file stands in the place of the machine's and its directory (containers-registries.conf(5)). */
function registriesFiles(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const own = join(configHome(), "containers", "registries.conf");
  const named = environment["CONTAINERS_REGISTRIES_CONF"];
  if (named) return [named, "/etc/containers/registries.conf.d", `${own}.d`];
  if (existsSync(own)) return [own, `${own}.d`];
  return ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d", `${own}.d`];
}

function daemonFiles(): readonly string[] {
  return [join(configHome(), "docker", "daemon.json"), "/etc/docker/daemon.json"];
}

function tlsOptions({ caFile, cert, key }: RegistryFilesCliOptions) {
  if (key !== undefined && cert === undefined) {
    throw new ErrInvalidArgument("read --key: got no --cert, wanted the certificate of the key");
  }
  if (caFile === undefined && cert === undefined) return undefined;
  return {
    ...(caFile !== undefined && { ca: [readText("--ca-file", caFile)] }),
    ...(cert !== undefined && { cert: readText("--cert", cert), key: readText("--key", key ?? cert) }),
  };
}

function readText(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = existsSync(path) ? "cannot be read" : "no such file or directory";
    throw new ErrInvalidArgument(`read ${option} "${path}": ${reason}`, { cause });
  }
}
