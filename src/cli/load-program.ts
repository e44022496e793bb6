import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BriefRun } from "./brief-run.ts";
import { loadScript } from "./load-script.ts";

/** The command line, loaded. */
export interface LoadedProgram {
  /** Runs it, see `main` in program.ts. */
  readonly main: (argv: readonly string[]) => Promise<number>;
  /** Keeps what this run has compiled for the next one of the same command. Called when it has succeeded. Never throws. */
  readonly keep: () => void;
}

/** The program of an installation is scripts beside this file (rolldown.config.ts); the sources are modules. */
export async function loadProgram(
  command: string | undefined,
  { asBefore }: Pick<BriefRun, "asBefore">,
): Promise<LoadedProgram> {
  if (import.meta.url.endsWith(".ts")) {
    const { main } = await import("./program.ts");
    return { main, keep: () => {} };
  }
  const file = fileURLToPath(new URL("program.cjs", import.meta.url));
  const { exports, keep } = loadScript(file, {
    folder: compiledFolder(),
    name: nameOf(command),
    compiling: asBefore,
  });
  const { main } = exports as Pick<LoadedProgram, "main">;
  return { main, keep };
}

/** In a place that is the user's own: whoever could write there could have other code run. */
function compiledFolder(): string {
  const { XDG_CACHE_HOME = "" } = process.env;
  return join(isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache"), "drayage", "compiled");
}

/** Each command uses functions of its own. What is no word is an option of the program; a word that is no command fails. */
function nameOf(command = ""): string {
  return /^[a-z]+$/.test(command) ? command : "options";
}
