import { basename, dirname, join } from "node:path";
import { Script } from "node:vm";

// An ES import asks for each export, and so loads parts of these modules that no command needs.
const {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = process.getBuiltinModule("node:fs");
const { createRequire } = process.getBuiltinModule("node:module");

/**
 * After how long compiled code is kept anew, in milliseconds: the run that left it may not have come to all functions that others
 * use, and what is kept tells by its age who still starts.
 */
const RENEWED_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * Longest run that keeps anything, in milliseconds. V8 drops code that half a dozen collections of garbage have not seen run,
 * first that of the start.
 */
const LONGEST_KEPT_RUN_MS = 10_000;

/** Builds of which compiled code is kept: as many as one user may have in use. Each takes up to 2 MB for each command. */
const KEPT_BUILDS = 4;

/** Room for any file of a program, in bytes. What is not used of it takes no memory. */
const ROOM_BYTES = 4 * 1024 * 1024;

/** Length of what tells builds apart, at the beginning of a script's first line, in characters. */
const BUILD_ID_LENGTH = 16;

/** Where compiled code is kept. */
export interface CompiledPlace {
  /** A folder of the user's own; what is in it is written and removed here. */
  readonly folder: string;
  /** Each name has code of its own: that of the functions which were used under it. */
  readonly name: string;
  /** Surrounds what V8 is to compile with the flags that it had when the code was kept. Default: it has them. */
  readonly compiling?: <T>(work: () => T) => T;
}

/** A script that has run. */
export interface LoadedScript {
  readonly exports: unknown;
  /**
   * Keeps what V8 has compiled until now of the script and of those that it has required, where that is due. Never throws:
   * without it the next start is only slower.
   */
  readonly keep: () => void;
}

/**
 * Runs a script that is one function in parentheses, of CommonJS's `exports`, `require` and `__filename`, below a comment that
 * names its content and that of the scripts which it requires, with the code that V8 made of it in an earlier run. Throws what
 * the script throws.
 *
 * Node's own compile cache keeps a module as it is before it runs: without the functions that are compiled when they are first
 * called, which are nearly all.
 */
export function loadScript(file: string, place: CompiledPlace): LoadedScript {
  const scripts = new Scripts(file, place);
  return { exports: scripts.load(file), keep: () => scripts.keep() };
}

/** A script and those that it has required. */
class Scripts {
  readonly #place: CompiledPlace;
  readonly #requireOfNode: NodeJS.Require;
  readonly #loaded = new Map<string, object>();
  readonly #keeps: (() => void)[] = [];
  readonly #reading = new Reading();
  readonly #startedAt = performance.now();
  #folder: string | undefined;

  constructor(file: string, place: CompiledPlace) {
    this.#place = place;
    this.#requireOfNode = createRequire(file);
  }

  /** A script that is still running has what it has exported so far, as in CommonJS. */
  load(file: string): object {
    const loaded = this.#loaded.get(file);
    if (loaded) return loaded;
    const exports = {};
    this.#loaded.set(file, exports);
    this.#compile(file)(exports, (id: string) => this.#require(id, file), file);
    return exports;
  }

  keep(): void {
    if (performance.now() - this.#startedAt > LONGEST_KEPT_RUN_MS) return;
    for (const keep of this.#keeps) keep();
  }

  #require(id: string, from: string): unknown {
    return id.startsWith(".") ? this.load(join(dirname(from), id)) : this.#requireOfNode(id);
  }

  #compile(file: string): (exports: object, require: (id: string) => unknown, filename: string) => void {
    const source = this.#reading.text(file);
    const path = join(this.#folderOf(source), `${this.#place.name}.${basename(file)}`);
    const kept = this.#reading.kept(path);
    const { compiling = (work) => work() } = this.#place;
    const script = compiling(
      () => new Script(source, { filename: file, ...(kept && { cachedData: kept.code }) }),
    );
    const isDue = !kept || script.cachedDataRejected === true || Date.now() - kept.madeAt > RENEWED_AFTER_MS;
    if (isDue) this.#keeps.push(() => keep(path, () => script.createCachedData()));
    return script.runInThisContext();
  }

  /** That of the build, which the first script names. */
  #folderOf(source: string): string {
    const build = source.slice("// ".length, "// ".length + BUILD_ID_LENGTH);
    this.#folder ??= join(this.#place.folder, `${build}-${process.version}-${process.arch}`);
    return this.#folder;
  }
}

/**
 * Reads files one after another into the same memory: to touch it for the first time takes as long as to read into it. It is given back
 * when the turn of the event loop ends in which it was needed, in which a command loads most of what it uses: until then V8 counts it,
 * and looks for garbage in the whole heap when what it counts has grown by 8 MiB.
 */
class Reading {
  #room: Buffer<ArrayBuffer> | undefined;

  /** Throws the file system's errors. */
  text(path: string): string {
    return this.#read(path).bytes.toString("latin1"); // the build leaves ASCII only
  }

  /**
   * What is there, if it is the user's own: with the environment of somebody else, root must not run what that one has written. Valid
   * until the next file is read, or the turn ends.
   */
  kept(path: string): { readonly code: Buffer; readonly madeAt: number } | undefined {
    try {
      const { bytes, uid, mtimeMs } = this.#read(path);
      return uid === process.geteuid?.() ? { code: bytes, madeAt: mtimeMs } : undefined;
    } catch {
      return undefined; // not there, or not to be read
    }
  }

  #read(path: string): { readonly bytes: Buffer; readonly uid: number; readonly mtimeMs: number } {
    const file = openSync(path, "r");
    try {
      const { size, uid, mtimeMs } = fstatSync(file);
      const room = size <= ROOM_BYTES ? this.#roomOfTurn() : Buffer.allocUnsafeSlow(size);
      let length = 0;
      for (let count = -1; count !== 0 && length < size; length += count) {
        count = readSync(file, room, length, size - length, null);
      }
      return { bytes: room.subarray(0, length), uid, mtimeMs };
    } finally {
      closeSync(file);
    }
  }

  #roomOfTurn(): Buffer {
    if (this.#room) return this.#room;
    const room = Buffer.allocUnsafeSlow(ROOM_BYTES);
    this.#room = room;
    setImmediate(() => {
      this.#room = undefined;
      room.buffer.transfer(0); // at once, not when somebody looks for garbage
    });
    return room;
  }
}

function keep(path: string, compiled: () => Buffer): void {
  try {
    makeFolder(dirname(path));
    writeWhole(path, compiled());
    removeOldBuilds(dirname(dirname(path)));
  } catch {
    // a full or read-only disk, or others who remove the same
  }
}

/** Node's own recursive one never ends where the system says that the folder above, which is there, is not: below /proc. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isCode(error, "EEXIST")) return;
    if (!isCode(error, "ENOENT") || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
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
