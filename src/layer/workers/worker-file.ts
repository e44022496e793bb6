/**
 * Where the program of a thread is: beside this file in the sources, and at the top of what is built from them, where this code may
 * be in a chunk or in the command line's program.
 */
export function workerFile(here: string = import.meta.url): URL {
  if (here.endsWith(".ts")) return new URL("./unpack-worker.ts", here);
  return new URL(/\/(?:chunks|cli)\/[^/]*$/.test(here) ? "../unpack-worker.js" : "./unpack-worker.js", here);
}
