/**
 * Where the program of a thread is: in the sources beside the file that starts it, and at the top of what is built from them, where
 * that file may be in a chunk or in the command line's program.
 *
 * @param name of the program, without the ending
 * @param here `import.meta.url` of the file that starts it
 */
export function threadProgram(name: string, here: string): URL {
  if (here.endsWith(".ts")) return new URL(`./${name}.ts`, here);
  return new URL(`${/\/(?:chunks|cli)\/[^/]*$/.test(here) ? "../" : "./"}${name}.cjs`, here);
}
