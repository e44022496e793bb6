import { existsSync } from "node:fs";
import { delimiter } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { ErrInvalidArgument } from "../errors.ts";
import { type DistributionOptions, registryFilesFromEnvironment } from "../index.ts";

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
  const { hostsDir, certsDir, registriesConf } = options;
  const tls = tlsOptions(options);
  return {
    ...registryFilesFromEnvironment(process.env),
    ...(hostsDir !== undefined && { hostsDir }),
    ...(certsDir !== undefined && { certsDir }),
    ...(registriesConf !== undefined && { registriesConf }),
    ...(tls && { tls: Object.fromEntries(hosts.map((host) => [host, tls])) }),
  };
}

/** What is named and not there is a mistake. */
function existing(value: string): string {
  const missing = value.split(delimiter).find((path) => path === "" || !existsSync(path));
  if (missing !== undefined) throw new InvalidArgumentError("no such file or directory");
  return value;
}

function tlsOptions({ caFile, cert, key }: RegistryFilesCliOptions) {
  if (key !== undefined && cert === undefined) {
    throw new ErrInvalidArgument("read --key: got no --cert, wanted the certificate of the key");
  }
  if (caFile === undefined && cert === undefined) return undefined;
  return { caFile, certFile: cert, keyFile: key };
}
