import { homedir } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { findError } from "../errors.ts";
import {
  type Distribution,
  type DistributionOptions,
  LiveBandwidth,
  type Logger,
  openDistribution,
  proxyFromEnvironment,
  systemCertificates,
} from "../index.ts";
import { addCredentialOptions, type CredentialCliOptions, storedCredentialsOf } from "./credentials.ts";
import { writeLogLine } from "./output.ts";
import { addRegistryFilesOptions, type RegistryFilesCliOptions, registryFiles } from "./registry-files.ts";
import { addTimeoutOptions, type TimeoutCliOptions, timeoutsOf } from "./timeouts.ts";

/** The options that every command takes. */
export interface RootOptions {
  readonly root: string;
  readonly logLevel: string;
}

/** The options that say how a registry is reached. */
export interface ReachingCliOptions extends RegistryFilesCliOptions, TimeoutCliOptions {
  readonly plainHttp?: boolean;
  readonly insecure?: boolean;
}

/** The options of commands that talk to registries. */
export interface RegistryCliOptions extends RootOptions, ReachingCliOptions, CredentialCliOptions {
  readonly mirror?: readonly string[];
  readonly v1Registry?: readonly string[];
  readonly maxConcurrentDownloads?: number;
  readonly maxConcurrentUploads?: number;
  readonly limitRate?: string;
  readonly ranges?: boolean;
}

const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"];

/** Adds `--root` and `--log-level`. */
export function addRootOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--root <dir>", "data root: an OCI image layout")
        .env("DRAYAGE_ROOT")
        .default(join(process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "drayage")),
    )
    .addOption(
      new Option("--log-level <level>", "JSON log lines on stderr").choices(LOG_LEVELS).default("silent"),
    );
}

/** Adds how a registry is reached. */
export function addReachingOptions(command: Command): Command {
  return addTimeoutOptions(
    addRegistryFilesOptions(
      command
        .option("--plain-http", "talk plain HTTP to the registry")
        .option("--insecure", "do not check the registry's certificate, fall back to plain HTTP"),
    ),
  );
}

/** Adds what work at a registry takes. */
export function addRegistryOptions(command: Command): Command {
  return addCredentialOptions(addReachingOptions(addRootOptions(command)));
}

/** Adds what questions to registries take. */
export function addAskingOptions(command: Command): Command {
  return addMirrorOption(addRegistryOptions(command));
}

function addMirrorOption(command: Command): Command {
  return command.option("--mirror <host=url>", "ask this mirror first; may be repeated", collect);
}

/** Adds what only downloads need. */
export function addPullOptions(command: Command): Command {
  return addMirrorOption(addLimitRate(command))
    .option("--v1-registry <host>", "ask this registry by API version 1 as well; may be repeated", append)
    .option("--max-concurrent-downloads <n>", "layers downloaded at once at most", parseCount)
    .option("--no-ranges", "download each layer over one connection, however large it is");
}

/** Adds what only uploads need. */
export function addPushOptions(command: Command): Command {
  return addLimitRate(command).option(
    "--max-concurrent-uploads <n>",
    "layers uploaded at once",
    parseCount,
    5,
  );
}

/** Adds what is needed to fetch content that is not kept. */
export function addFetchOptions(command: Command): Command {
  return addMirrorOption(addLimitRate(command));
}

/** Adds what copies need, which are downloads and uploads in one. */
export function addCopyOptions(command: Command): Command {
  return addMirrorOption(addPushOptions(command));
}

function addLimitRate(command: Command): Command {
  return command.option(
    "--limit-rate <rate>",
    'bytes per second, such as 512k, 10M, UP:DOWN, or by time: "08:00,512k 23:00,off"',
    parseLimitRate,
  );
}

/** JSON log lines on stderr; `undefined`, which is as silent, when none are wanted. */
export async function openLogger(level: string): Promise<Logger | undefined> {
  if (level === "silent") return undefined;
  const { pino } = await import("pino");
  const logger: Logger = pino({ level }, { write: writeLogLine }); // pino's own type could have a "then"
  return logger;
}

/** The engine that a command runs on; the command closes it. */
export async function openRoot(
  options: RootOptions,
  more: Partial<DistributionOptions> = {},
): Promise<Distribution> {
  const logger = await openLogger(options.logLevel);
  return await openDistribution({ root: options.root, logger, ...more });
}

/** How the registries of a command are reached. */
export function reachingOptions(
  { plainHttp = false, insecure, ...files }: ReachingCliOptions,
  hosts: readonly string[],
): Pick<DistributionOptions, "registry" | "connection"> {
  return {
    registry: { ...registryFiles(files, hosts), plainHttp, insecureRegistries: insecure ? hosts : [] },
    connection: {
      ...timeoutsOf(files),
      proxy: proxyFromEnvironment(process.env),
      authorities: () => systemCertificates({ environment: process.env }),
    },
  };
}

/** What `openDistribution` needs to reach the registries of a command. */
export function registryOptions(
  options: RegistryCliOptions,
  hosts: readonly string[],
): Partial<DistributionOptions> {
  const { registry, connection } = reachingOptions(options, hosts);
  return {
    registry: {
      ...registry,
      mirrors: parseMirrors(options.mirror ?? []),
      v1Registries: options.v1Registry ?? [],
    },
    credentials: storedCredentialsOf(options),
    maxConcurrentDownloads: options.maxConcurrentDownloads,
    maxConcurrentUploads: options.maxConcurrentUploads,
    bandwidth: { all: options.limitRate },
    ranges: options.ranges === false ? false : undefined,
    connection,
  };
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  if (!/^[^=]+=./.test(value)) throw new InvalidArgumentError("wanted HOST=URL");
  return [...previous, value];
}

/** Collects the values of an option that may be repeated. */
export function append(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function parseMirrors(values: readonly string[]): Record<string, string[]> {
  const mirrors: Record<string, string[]> = {};
  for (const value of values) {
    const [host = "", ...url] = value.split("=");
    const urls = mirrors[host] ?? [];
    mirrors[host] = [...urls, url.join("=")];
  }
  return mirrors;
}

function parseLimitRate(value: string): string {
  try {
    new LiveBandwidth().set(value);
    return value;
  } catch (error) {
    throw new InvalidArgumentError(findError(error)?.message.replace("set bandwidth: ", "") ?? String(error));
  }
}

function parseCount(value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new InvalidArgumentError("wanted a number, 0 for no limit");
  return Number(value);
}
