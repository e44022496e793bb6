import { existsSync } from "node:fs";
import { join } from "node:path";
import { findPart, type PartName } from "../../test/real/support/parts.ts";

/** Our command line as it is published; sources would be stripped of their types at every start. */
const DRAYAGE = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

/** Where it keeps what it has compiled, from one run to the next, as with any user. */
const CACHE = join(import.meta.dirname, "..", "..", ".cache", "bench");

/** The names under which we take part: the library in a process that runs already, and the command. */
export const ENGINE = "drayage in an engine";
export const COMMAND = "drayage";

/** A program that takes part. */
export interface Program<Arguments> {
  readonly name: string;
  /** What stands in front of the arguments. */
  readonly command: readonly string[];
  readonly argumentsFor: Arguments;
  readonly env: Readonly<Record<string, string>>;
}

/** The beginning of a command for our command line. Throws without a build. */
export function drayageCommand(): readonly string[] {
  if (!existsSync(DRAYAGE)) throw new Error(`Cannot find ${DRAYAGE}: run npm run build first`);
  return [process.execPath, DRAYAGE];
}

/** Our command line and those of the peers that are on this machine, and the names of the others. Throws without a build. */
export function findPrograms<Arguments>(
  ours: Arguments,
  peers: ReadonlyArray<readonly [PartName, Arguments]>,
): { readonly programs: ReadonlyArray<Program<Arguments>>; readonly missing: readonly string[] } {
  const programs: Program<Arguments>[] = [
    { name: COMMAND, command: drayageCommand(), argumentsFor: ours, env: { XDG_CACHE_HOME: CACHE } },
  ];
  const missing: string[] = [];
  for (const [name, argumentsFor] of peers) {
    const part = findPart(name);
    if (part) programs.push({ name, command: [part.path], argumentsFor, env: part.env });
    else missing.push(name);
  }
  return { programs, missing };
}
