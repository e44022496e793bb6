/**
 * Loaded before everything else in each thread of a process: fails at a call of a file function, which `FAIL_AT` tells by its number
 * in its thread, where `FAIL_IN` says which kind of thread that is, `main` or `worker`. `FAIL_HOW` is `kill` for the end of the process
 * by SIGKILL, `exit` for the end of the thread, or the code of an error that the call throws. Only the first thread that gets
 * there fails, if `FAIL_ONCE` is the path of a file that is not there.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const { FAIL_AT = "", FAIL_IN = "", FAIL_HOW = "kill", FAIL_ONCE } = process.env;
let left = FAIL_IN === (isMainThread ? "main" : "worker") ? Number(FAIL_AT) : Number.POSITIVE_INFINITY;

const { openSync, closeSync } = fs;

function isFirst(): boolean {
  if (FAIL_ONCE === undefined) return true;
  try {
    closeSync(openSync(FAIL_ONCE, "wx"));
    return true;
  } catch {
    return false;
  }
}

function fail(name: string): void {
  if (!isFirst()) return;
  if (FAIL_HOW === "kill") process.kill(process.pid, "SIGKILL");
  if (FAIL_HOW === "exit") process.exit(1);
  throw Object.assign(new Error(`${FAIL_HOW}: made by the test, ${name}`), { code: FAIL_HOW, syscall: name });
}

function countCalls(functions: object, names: readonly string[], isAsync: boolean): void {
  for (const name of names) {
    const original: unknown = Reflect.get(functions, name);
    if (typeof original !== "function") continue;
    const call = (args: readonly unknown[]): unknown => {
      if (--left === 0) fail(name);
      return Reflect.apply(original, functions, args) as unknown;
    };
    Reflect.set(
      functions,
      name,
      isAsync ? async (...args: unknown[]) => call(args) : (...args: unknown[]) => call(args),
    );
  }
}

countCalls(
  fs,
  [
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
  ],
  false,
);
countCalls(
  fs.promises,
  [
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
  ],
  true,
);
syncBuiltinESMExports();
