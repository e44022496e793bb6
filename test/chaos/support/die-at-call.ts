/**
 * Loaded before everything else in each thread of a process: ends it with SIGKILL at a call of a file function, which `DIE_AT` tells by
 * its number in its thread, where `DIE_IN` says which kind of thread that is.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const { DIE_AT = "", DIE_IN = "" } = process.env;
let left = DIE_IN === (isMainThread ? "main" : "worker") ? Number(DIE_AT) : Number.POSITIVE_INFINITY;

function countCalls(functions: object, names: readonly string[]): void {
  for (const name of names) {
    const original: unknown = Reflect.get(functions, name);
    if (typeof original !== "function") continue;
    Reflect.set(functions, name, (...args: unknown[]) => {
      if (--left === 0) process.kill(process.pid, "SIGKILL");
      return Reflect.apply(original, functions, args) as unknown;
    });
  }
}

countCalls(fs, [
  "openSync",
  "writeSync",
  "mkdirSync",
  "symlinkSync",
  "linkSync",
  "unlinkSync",
  "rmSync",
  "futimesSync",
  "lutimesSync",
  "chmodSync",
  "fchmodSync",
  "lchownSync",
  "closeSync",
]);
countCalls(fs.promises, [
  "open",
  "rename",
  "mkdir",
  "writeFile",
  "rm",
  "unlink",
  "link",
  "symlink",
  "readdir",
  "lstat",
  "stat",
  "readFile",
  "chmod",
  "chown",
  "lchown",
  "lutimes",
]);
syncBuiltinESMExports();
