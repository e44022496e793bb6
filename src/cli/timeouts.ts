import type { Command } from "commander";
import type { ConnectionOptions } from "../index.ts";
import { parseBytes, parseDuration } from "./quantities.ts";

/** The options that say how long a registry is waited for. */
export interface TimeoutCliOptions {
  readonly connectTimeout?: number;
  readonly headersTimeout?: number;
  readonly idleTimeout?: number;
  readonly minRate?: number;
}

/** Adds how long a registry is waited for. */
export function addTimeoutOptions(command: Command): Command {
  return command
    .option(
      "--connect-timeout <time>",
      "longest wait for a connection, such as 500ms, 5s (default: 30s)",
      parseDuration,
    )
    .option(
      "--headers-timeout <time>",
      "longest wait for the start of an answer (default: 30s)",
      parseDuration,
    )
    .option("--idle-timeout <time>", "longest silence within an answer (default: 30s)", parseDuration)
    .option(
      "--min-rate <bytes>",
      "slowest transfer to wait for, per second; 0 for any (default: 1024)",
      parseBytes,
    );
}

/** The same as the engine has it. */
export function timeoutsOf(options: TimeoutCliOptions): ConnectionOptions {
  return {
    connectTimeoutMs: options.connectTimeout,
    headersTimeoutMs: options.headersTimeout,
    bodyIdleTimeoutMs: options.idleTimeout,
    minBytesPerSecond: options.minRate,
  };
}

/** Adds the longest time for all of a command's work. */
export function addTotalTimeout(command: Command): Command {
  return command.option(
    "--timeout <time>",
    "give up after so long, such as 30s, 10m (default: never)",
    parseDuration,
  );
}
