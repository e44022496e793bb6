/**
 * Loaded before everything that uses files: makes one call of a file function fail, in this thread, where a test asks for it. Calls are
 * told by what they do and by what kind of file they do it to, so that each stage of the work has calls of its own.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { constants } from "node:os";
import { sep } from "node:path";

/** Errors of a disk that the tests make. */
export type DiskFault = "ENOSPC" | "EIO";

/** Which call is to fail: of those that have a name, the one with that number, counted from one. */
export interface FailingCall {
  /** What the call does, and to what kind of file, such as `rename ingest/#/data`. */
  readonly step: string;
  readonly number: number;
  readonly fault: DiskFault;
}

/** What was seen while files were watched. */
export interface WatchedCalls {
  /** How often each step was taken. */
  readonly steps: ReadonlyMap<string, number>;
  /** What the work rejected with. */
  readonly error: unknown;
}

interface Watch {
  readonly folders: Readonly<Record<string, string>>;
  readonly failing: FailingCall | undefined;
  readonly steps: Map<string, number>;
}

let watch: Watch | undefined;
let handles: Promise<void> | undefined;

/** Paths of open files, by descriptor. */
const paths = new Map<number, string>();

/** Calls that take space; the others never find a disk full. */
const TAKES_SPACE = new Set([
  "create",
  "write",
  "writeFile",
  "truncate",
  "mkdir",
  "symlink",
  "link",
  "rename",
  "sync",
  "copyFile",
]);

/** Whether such a call can find a disk full. */
export function canBeFull(step: string): boolean {
  return TAKES_SPACE.has(step.split(" ", 1)[0] ?? "");
}

/**
 * Runs `work` while the files below some folders are watched, and one of the calls fails if there is such a call.
 *
 * @param folders by the names that they have in steps
 */
export async function watchDisk(
  folders: Readonly<Record<string, string>>,
  failing: FailingCall | undefined,
  work: () => Promise<unknown>,
): Promise<WatchedCalls> {
  handles ??= watchHandles();
  await handles;
  const current: Watch = { folders, failing, steps: new Map() };
  watch = current;
  try {
    await work();
    return { steps: current.steps, error: undefined };
  } catch (error) {
    return { steps: current.steps, error };
  } finally {
    watch = undefined;
  }
}

/** What kind of file lies at a path: random and counted parts of names are left out. */
function placeOf(path: string, folders: Readonly<Record<string, string>>): string | undefined {
  for (const [name, folder] of Object.entries(folders)) {
    if (path !== folder && !path.startsWith(folder + sep)) continue;
    const below = path
      .slice(folder.length + 1)
      .replaceAll(/(?<=\.(?:abilities|drayage)-)\w{6}(?=\/|$)/g, "#")
      .replaceAll(/[0-9a-f]{8,}|\b\d+/g, "#");
    const [, staged] = /^(layers\/(?:staging\/#|sha256\/#))\/fs(?=\/|$)/.exec(below) ?? [];
    return [name, staged ? `${staged}/fs` : below].filter(Boolean).join("/");
  }
  return undefined;
}

function pathOf(value: unknown): string | undefined {
  if (typeof value === "number") return paths.get(value);
  const text = value instanceof URL ? value.pathname : value;
  const path = Buffer.isBuffer(text) ? text.toString("latin1") : text;
  if (typeof path !== "string") return undefined;
  const [, fd, below = ""] = /^\/proc\/(?:self|thread-self|\d+)\/fd\/(\d+)(\/.*)?$/.exec(path) ?? [];
  return fd === undefined ? path : (paths.get(Number(fd)) ?? "") + below;
}

/** The error that a call fails with, if it is to fail. */
function faultOf(call: string, target: unknown): NodeJS.ErrnoException | undefined {
  const current = watch;
  const path = current && pathOf(target);
  const place = path === undefined ? undefined : placeOf(path, current?.folders ?? {});
  if (!current || place === undefined) return undefined;
  const step = `${call} ${place}`;
  const count = (current.steps.get(step) ?? 0) + 1;
  current.steps.set(step, count);
  const { failing } = current;
  if (failing?.step !== step || failing.number !== count) return undefined;
  const { fault } = failing;
  const errno = -(constants.errno[fault] ?? 0);
  return Object.assign(new Error(`${fault}: made by a test, ${step}`), {
    code: fault,
    errno,
    syscall: call,
    path,
  });
}

type Call = (...args: readonly unknown[]) => unknown;

const CREATE = fs.constants.O_CREAT;

function isCreating(flags: unknown): boolean {
  return typeof flags === "number"
    ? (flags & CREATE) !== 0
    : /[wax]/.test(typeof flags === "string" ? flags : "r");
}

/** What each function does, by its name without `Sync`, and which of its arguments is the file. */
const CALLS: Readonly<Record<string, readonly [call: string, argument: number]>> = {
  access: ["stat", 0],
  chmod: ["change", 0],
  chown: ["change", 0],
  close: ["close", 0],
  copyFile: ["copyFile", 1],
  fchmod: ["change", 0],
  fchown: ["change", 0],
  fstat: ["stat", 0],
  fsync: ["sync", 0],
  ftruncate: ["truncate", 0],
  futimes: ["change", 0],
  lchown: ["change", 0],
  link: ["link", 1],
  lstat: ["stat", 0],
  lutimes: ["change", 0],
  mkdir: ["mkdir", 0],
  open: ["open", 0],
  opendir: ["list", 0],
  read: ["read", 0],
  readdir: ["list", 0],
  readFile: ["read", 0],
  readlink: ["read", 0],
  rename: ["rename", 0],
  rm: ["remove", 0],
  rmdir: ["remove", 0],
  stat: ["stat", 0],
  symlink: ["symlink", 1],
  unlink: ["remove", 0],
  utimes: ["change", 0],
  write: ["write", 0],
  writeFile: ["writeFile", 0],
  writev: ["write", 0],
};

function callOf(name: string, args: readonly unknown[]): string {
  return name === "open" && isCreating(args[1]) ? "create" : (CALLS[name]?.[0] ?? name);
}

/** Replaces a function by one that may fail, with all that the original has on it. */
function replace(owner: object, name: string, make: (original: Call) => Call): void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") return;
  const made = make((...args) => Reflect.apply(original, owner, args) as unknown);
  Object.defineProperties(made, Object.getOwnPropertyDescriptors(original));
  Reflect.set(owner, name, made);
}

/** A descriptor is closed whatever closing it says, as Linux has it. */
function noteClosed(name: string, args: readonly unknown[], close: () => unknown): void {
  if (name !== "close") return;
  close();
  paths.delete(Number(args[0]));
}

for (const [name, [, argument]] of Object.entries(CALLS)) {
  replace(fs, `${name}Sync`, (original) => (...args) => {
    const error = faultOf(callOf(name, args), args[argument]);
    if (error) {
      noteClosed(name, args, () => original(...args));
      throw error;
    }
    const path = pathOf(args[0]);
    const result = original(...args);
    if (name === "open" && path !== undefined) paths.set(Number(result), path);
    if (name === "close") paths.delete(Number(args[0]));
    return result;
  });
  replace(fs.promises, name, (original) => async (...args) => {
    const error = faultOf(callOf(name, args), args[argument]);
    if (error) throw error;
    const path = pathOf(args[0]);
    const result = await original(...args);
    if (name === "open" && path !== undefined) paths.set((result as fs.promises.FileHandle).fd, path);
    return result;
  });
}

for (const name of ["read", "write", "writev", "fsync"]) {
  replace(fs, name, (original) => (...args) => {
    const error = faultOf(callOf(name, args), args[0]);
    const callback = args.at(-1);
    if (!error || typeof callback !== "function") return original(...args);
    setImmediate(callback as (error: Error) => void, error);
    return undefined;
  });
}

const HANDLE_CALLS = {
  read: "read",
  write: "write",
  writev: "write",
  writeFile: "write",
  readFile: "read",
  stat: "stat",
  sync: "sync",
  datasync: "sync",
  truncate: "truncate",
  utimes: "change",
  chmod: "change",
  close: "close",
};

/** Files of promises have their calls in a class of their own, which only one of them leads to. */
async function watchHandles(): Promise<void> {
  const handle = await fs.promises.open(process.execPath);
  const prototype: object = Object.getPrototypeOf(handle) as object;
  await handle.close();
  for (const [name, call] of Object.entries(HANDLE_CALLS)) {
    const original: unknown = Reflect.get(prototype, name);
    if (typeof original !== "function") continue;
    Reflect.set(prototype, name, async function (this: fs.promises.FileHandle, ...args: unknown[]) {
      const { fd } = this;
      const error = faultOf(call, fd);
      if (name === "close") paths.delete(fd);
      if (error && name !== "close") throw error;
      const result: unknown = await Reflect.apply(original, this, args);
      if (error) throw error;
      return result;
    });
  }
}

syncBuiltinESMExports();
