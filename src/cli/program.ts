import { readFileSync } from "node:fs";
import { Command } from "commander";
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
    const program = await buildProgram(argv.slice(2), interrupt.signal);
    await program.parseAsync(argv);
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

type AddCommand = (program: Command, signal: AbortSignal) => void;

/** The commands in the order in which they are listed; each loads what it uses. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  pull: async () => (await import("./commands/pull.ts")).addPullCommand,
  push: async () => (await import("./commands/push.ts")).addPushCommand,
  copy: async () => (await import("./commands/copy.ts")).addCopyCommand,
  "push-artifact": async () => (await import("./commands/push-artifact.ts")).addPushArtifactCommand,
  "fetch-artifact": async () => (await import("./commands/fetch-artifact.ts")).addFetchArtifactCommand,
  login: async () => (await import("./commands/login.ts")).addLoginCommand,
  logout: async () => (await import("./commands/logout.ts")).addLogoutCommand,
  inspect: async () => (await import("./commands/inspect.ts")).addInspectCommand,
  tags: async () => (await import("./commands/tags.ts")).addTagsCommand,
  delete: async () => (await import("./commands/delete.ts")).addDeleteCommand,
  images: async () => (await import("./commands/images.ts")).addImagesCommand,
  tag: async () => (await import("./commands/tag.ts")).addTagCommand,
  rmi: async () => (await import("./commands/rmi.ts")).addRmiCommand,
  prune: async () => (await import("./commands/prune.ts")).addPruneCommand,
  df: async () => (await import("./commands/df.ts")).addDfCommand,
  check: async () => (await import("./commands/check.ts")).addCheckCommand,
  content: async () => (await import("./commands/content.ts")).addContentCommand,
  namespaces: async () => (await import("./commands/namespaces.ts")).addNamespacesCommand,
  serve: async () => (await import("./commands/serve.ts")).addServeCommand,
  import: async () => (await import("./commands/import.ts")).addImportCommand,
  rootfs: async () => (await import("./commands/rootfs.ts")).addRootfsCommand,
  extract: async () => (await import("./commands/extract.ts")).addExtractCommand,
  ls: async () => (await import("./commands/ls.ts")).addLsCommand,
  export: async () => (await import("./commands/export.ts")).addExportCommand,
  completion: async () => {
    const { addCompletionCommand } = await import("./commands/completion.ts");
    return (program, signal) => addCompletionCommand(program, () => buildProgram([], signal));
  },
};

/** The program with the command that is asked for; with all of them when it has to list or to suggest some. */
async function buildProgram([name = ""]: readonly string[], signal: AbortSignal): Promise<Command> {
  const program = new Command("drayage")
    .description("Moves container images into an OCI layout: shared, verified, resumable.")
    .version(packageVersion())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  if (isVersionOption(name)) return program;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const wanted = command ? [command] : Object.values(COMMANDS);
  for (const add of await Promise.all(wanted.map((load) => load()))) add(program, signal);
  return program;
}

function isVersionOption(argument: string): boolean {
  return argument === "--version" || argument === "-V";
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return (manifest as { version: string }).version;
}
