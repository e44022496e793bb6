import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pause } from "../../async/slices.ts";

/** Most that the program may say, in bytes: it ends when it says more. */
const MAX_WORDS_BYTES = 8 * 1024 * 1024;

/** How often somebody looks whether it is still wanted, in milliseconds. */
const LOOK_MS = 20;

/** What the program did. */
export interface SideProgramResult {
  readonly isGood: boolean;
  /** What it said, or why it could not be run. */
  readonly words: string;
}

/** Where the program runs. */
interface SideProgramOptions {
  readonly directory: string;
  /** What it reads: an open file, which stays open meanwhile. */
  readonly input: number;
}

/** A program that does a step of the unpacking of a layer, and speaks English. */
export class SideProgram {
  /** Known when it has ended. */
  result: SideProgramResult = { isGood: false, words: "it was not run" };
  #hasEnded = false;
  readonly #path: string;
  readonly #args: readonly string[];
  readonly #options: SideProgramOptions;

  constructor(path: string, args: readonly string[], options: SideProgramOptions) {
    this.#path = path;
    this.#args = args;
    this.#options = options;
  }

  /** A step of the work: runs the program to its end, or kills it when `pause` throws, which is thrown then. */
  readonly run = async (pause: Pause): Promise<void> => {
    const { directory, input } = this.#options;
    const child = spawn(this.#path, this.#args, {
      cwd: directory,
      env: { LC_ALL: "C" },
      stdio: [input, "ignore", "pipe"],
    });
    const ended = this.#end(child);
    try {
      for (; !this.#hasEnded; await Promise.race([ended, sleep(LOOK_MS)])) await pause();
    } catch (error) {
      child.kill("SIGKILL");
      await ended;
      throw error;
    }
  };

  async #end(child: ChildProcess): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    const pieces: Buffer[] = [];
    let bytes = 0;
    let failure: Error | undefined;
    child.stderr?.on("data", (piece: Buffer) => {
      bytes += piece.byteLength;
      if (bytes <= MAX_WORDS_BYTES) pieces.push(piece);
      else child.kill("SIGKILL");
    });
    child.once("error", (error) => {
      failure = error;
    });
    child.once("close", resolve);
    const status = await promise;
    this.#note(failure ? failure.message : Buffer.concat(pieces).toString("latin1"), status);
  }

  #note(words: string, status: number | null): void {
    this.#hasEnded = true;
    this.result = { isGood: status === 0, words };
  }
}
