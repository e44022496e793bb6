import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import nodeModule from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/**
 * After how long compiled code is kept anew, in milliseconds: the run that left it may not have come to all functions that others
 * use, and what is kept tells by its age who still starts.
 */
const RENEWED_AFTER_MS = 24 * 60 * 60 * 1000;

/** Builds of which compiled code is kept: as many as one user may have in use side by side. Each takes up to 3 MB for each command. */
const KEPT_BUILDS = 4;

/** Length of what tells builds apart, at the beginning of the script's first line, in characters. */
const BUILD_ID_LENGTH = 16;

/** Where compiled code is kept. */
export interface CompiledPlace {
  /** A folder of the user's own; what is in it is written and removed here. */
  readonly folder: string;
  /** Each name has code of its own: that of the functions which were used under it. */
  readonly name: string;
}

/** A script that has run. */
export interface LoadedScript {
  readonly exports: unknown;
  /** Keeps what V8 has compiled of the script until now, where that is due. Never throws: without it the next start is only slower. */
  readonly keep: () => void;
}

/**
 * Runs a script that is one function in parentheses, of CommonJS's `exports`, `require` and `__filename`, below a comment that
 * names its content, with the code that V8 made of it in an earlier run. Throws what the script throws.
 *
 * Node's own compile cache keeps a module as it is before it runs: without the functions that are compiled when they are first called,
 * which are nearly all.
 */
export function loadScript(file: string, { folder, name }: CompiledPlace): LoadedScript {
  const source = readFileSync(file, "latin1"); // the build leaves ASCII only
  const build = `${source.slice("// ".length, "// ".length + BUILD_ID_LENGTH)}-${process.version}-${process.arch}`;
  const path = join(folder, build, name);
  const kept = readKept(path);
  const script = new Script(source, { filename: file, ...(kept && { cachedData: kept.code }) });
  const exports = {};
  script.runInThisContext()(exports, nodeModule.createRequire(file), file);
  const isDue = !kept || script.cachedDataRejected === true || Date.now() - kept.madeAt > RENEWED_AFTER_MS;
  return { exports, keep: () => isDue && keep(path, () => script.createCachedData()) };
}

/** What is there, if it is the user's own: with the environment of somebody else, root must not run what that one has written. */
function readKept(path: string): { readonly code: Buffer; readonly madeAt: number } | undefined {
  try {
    const file = openSync(path, "r");
    try {
      const { uid, mtimeMs } = fstatSync(file);
      return uid === process.geteuid?.() ? { code: readFileSync(file), madeAt: mtimeMs } : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined; // not there, or not to be read
  }
}

function keep(path: string, compiled: () => Buffer): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeWhole(path, compiled());
    removeOldBuilds(dirname(dirname(path)));
  } catch {
    // a full or read-only disk, or others who remove the same
  }
}

/** Flushed before it has its name: V8 would run what a crash has cut or emptied. */
function writeWhole(path: string, data: Buffer): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, data, { mode: 0o600, flush: true });
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A build is as old as what was kept of it last. */
function removeOldBuilds(folder: string): void {
  const builds = readdirSync(folder).map((name) => join(folder, name));
  const byAge = builds
    .map((path) => ({ path, usedAt: statSync(path).mtimeMs }))
    .toSorted((a, b) => b.usedAt - a.usedAt);
  for (const { path } of byAge.slice(KEPT_BUILDS)) rmSync(path, { recursive: true, force: true });
}
