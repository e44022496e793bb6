import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { isCanceled } from "../errors.ts";
import { addContentCommand } from "./commands/content.ts";
import { addDfCommand } from "./commands/df.ts";
import { addExportCommand } from "./commands/export.ts";
import { addImagesCommand } from "./commands/images.ts";
import { addImportCommand } from "./commands/import.ts";
import { addNamespacesCommand } from "./commands/namespaces.ts";
import { addPruneCommand } from "./commands/prune.ts";
import { addPullCommand } from "./commands/pull.ts";
import { addPushCommand } from "./commands/push.ts";
import { addRmiCommand } from "./commands/rmi.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addTagCommand } from "./commands/tag.ts";

/** Exit statuses of the command line. */
const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs the command line and returns its exit status: 0 done, 1 failed (one line on stderr), 2 wrong usage, 130 interrupted.
 * The first SIGINT or SIGTERM cancels what runs, so that partial data stays resumable; the second one ends the process.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  let outputFailure: Error | undefined;
  process.stdout.on("error", (error) => {
    outputFailure ??= error; // nobody reads any more, as with `| head`: like a lost client of docker, this cancels
    interrupt.abort();
  });
  try {
    await buildProgram(interrupt.signal).parseAsync(argv);
    return EXIT.done;
  } catch (error) {
    return exitStatus(outputFailure ?? error, interrupt.signal);
  } finally {
    process.removeListener("SIGINT", onSignal);
    process.removeListener("SIGTERM", onSignal);
  }
}

function buildProgram(signal: AbortSignal): Command {
  const program = new Command("drayage")
    .description("Moves container images into an OCI layout: shared, verified, resumable.")
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  for (const add of [
    addPullCommand,
    addPushCommand,
    addImagesCommand,
    addTagCommand,
    addRmiCommand,
    addPruneCommand,
    addDfCommand,
    addContentCommand,
    addNamespacesCommand,
    addServeCommand,
    addImportCommand,
    addExportCommand,
  ]) {
    add(program, signal);
  }
  return program;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}

function exitStatus(error: unknown, signal: AbortSignal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (signal.aborted && isCanceled(error)) return EXIT.interrupted;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`drayage: ${message.replaceAll("\n", "; ")}\n`);
  return EXIT.failed;
}
