import type { BigIntStats } from "node:fs";
import { stat } from "node:fs/promises";
import { throwIfAborted } from "../../async/abort.ts";
import { BoundedMap } from "../../async/bounded-map.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import { namesIn } from "../../disk/names-in.ts";
import { ErrFailedPrecondition, ErrInvalidArgument } from "../../errors/classes.ts";
import { type ReadTextOptions, readText, statOf } from "./read-text.ts";

/** Files whose content is kept: those of a hundred registries with certificates of their own. */
const MAX_KEPT_FILES = 256;

/** Files that are taken out of one directory; more of them are somebody's mistake. */
const MAX_DIRECTORY_FILES = 256;

/**
 * What was changed less than this ago may be changed again without a sign, in milliseconds: the coarsest clocks of file systems
 * move every two seconds.
 */
const SETTLED_MS = 2_500;

/** What a file says, and how to tell that it is still the same file. */
interface Reading {
  readonly stamp: string;
  readonly value: unknown;
}

/** Makes something of a file's text. Throws for a text that it does not understand. */
export type ParseFile<T> = (text: string, path: string) => T | Promise<T>;

/**
 * Files that other tools are configured by. Each is looked at whenever it is asked for, and read again only when it has changed,
 * so that nobody has to be started anew. There is nothing to close.
 */
export class ConfigurationFiles {
  readonly #readings = new BoundedMap<string, Reading>(MAX_KEPT_FILES);
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /**
   * What `parse` makes of the file; `undefined` when there is none. One file is always asked for with the same `parse`. A pipe is
   * read once. Throws what `parse` and `readText` throw.
   */
  async read<T extends object | string>(
    path: string,
    parse: ParseFile<T>,
    options: ReadTextOptions = {},
  ): Promise<T | undefined> {
    throwIfAborted(options.signal);
    const stats = statOf(path, options.action ?? "read");
    if (stats === undefined) return undefined;
    const stamp = stampOf(stats);
    const known = this.#readings.get(path);
    if (known?.stamp === stamp) return known.value as T;
    const text = await readText(path, options);
    if (text === undefined) return undefined; // it has just gone
    const value = await parse(text, path);
    if (stats.isFIFO() || this.#isSettled(stats)) this.#readings.set(path, { stamp, value });
    return value;
  }

  /** Differs when the file does; one that cannot be looked at has one as well. */
  async stamp(path: string): Promise<string> {
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    return stats ? stampOf(stats) : "";
  }

  /**
   * Whether there is a directory at `path`. Throws `ErrFailedPrecondition` where there is something else, `ErrNotFound` for a link
   * that leads nowhere, and the classes of `diskError`.
   */
  async hasDirectory(path: string): Promise<boolean> {
    const stats = statOf(path, "look for directory");
    if (stats?.isDirectory() ?? true) return stats !== undefined;
    throw new ErrFailedPrecondition(`look for directory "${path}": not a directory`);
  }

  /** Whether `path`, which may be a file as well, is a directory. Throws as `hasDirectory` does for the rest. */
  async isDirectory(path: string): Promise<boolean> {
    const stats = statOf(path, "read");
    return stats?.isDirectory() ?? false;
  }

  /** The names in a directory, sorted; none where there is no directory. Throws `ErrInvalidArgument` when there are too many. */
  async names(directory: string): Promise<readonly string[]> {
    const names = await namesIn(directory);
    if (names.length <= MAX_DIRECTORY_FILES) return names.toSorted();
    throw new ErrInvalidArgument(
      `read directory "${directory}": ${names.length} files, wanted at most ${MAX_DIRECTORY_FILES}`,
    );
  }

  #isSettled({ mtimeMs, ctimeMs }: BigIntStats): boolean {
    return this.#clock.now() - Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs) > SETTLED_MS;
  }
}

/** Differs whenever the file does, unless it changes twice before the clock of its file system moves on. */
function stampOf(stats: BigIntStats): string {
  if (stats.isFIFO()) return `pipe ${stats.dev} ${stats.ino}`;
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}
