import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addCheckCommand } from "./commands/check.ts";
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
import { EXIT, exitStatus } from "./exit-status.ts";
import { outputTaken } from "./output.ts";

/**
 * Runs the command line and returns its exit status: 0 done, 1 failed (one line on stderr for each failure), 2 wrong usage, 130
 * interrupted, 141 when whoever read stdout has left.
 * The first SIGINT or SIGTERM cancels what runs, so that partial data stays resumable; the second one ends the process.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  let interrupted = false;
  const onSignal = (): void => {
    interrupted = true;
    interrupt.abort();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  let outputError: NodeJS.ErrnoException | undefined;
  process.stdout.on("error", (error) => {
    outputError ??= error; // like a client of docker that is gone, a reader that is gone cancels
    interrupt.abort();
  });
  process.stderr.on("error", () => {}); // there is nobody left to tell
  try {
    await buildProgram(interrupt.signal).parseAsync(argv);
    await outputTaken();
    if (outputError) throw outputError;
    return EXIT.done;
  } catch (error) {
    return exitStatus({ error, interrupted, outputError });
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
    addCheckCommand,
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
