import { existsSync } from "node:fs";

/**
 * Where the program of a thread is: in the sources beside the file that starts it, and at the top of what is built from them, where
 * that file may be in a chunk or in the command line's program, which may have one of its own. `undefined` when it is not there: then a
 * bundler has put the file that starts it into a script of its user's.
 *
 * @param name of the program, without the ending
 * @param here `import.meta.url` of the file that starts it; bundles in CommonJS have none
 */
export function threadProgram(name: string, here: string | undefined): URL | undefined {
  if (here === undefined) return undefined;
  if (here.endsWith(".ts")) return new URL(`./${name}.ts`, here);
  const folders = /\/(?:chunks|cli)\/[^/]*$/.test(here) ? ["./", "../"] : ["./"];
  return folders.map((folder) => new URL(`${folder}${name}.cjs`, here)).find((file) => existsSync(file));
}

/**
 * The arguments of Node.js that a thread of a program in a file is to have: those of the process, unless one of them is about a text that
 * was given in the place of a file (`node --input-type=module -e`), which Node.js refuses for files. Then it has none.
 */
export function threadArguments(given: readonly string[] = process.execArgv): {
  readonly execArgv?: string[];
} {
  return given.some((each) => each.startsWith("--input-type")) ? { execArgv: [] } : {};
}
