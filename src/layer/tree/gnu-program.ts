import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import { diskErrorInWords } from "../../disk/disk-error.ts";
import {
  ErrFailedPrecondition,
  ErrNotImplemented,
  ErrPermissionDenied,
  ErrUnknown,
} from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";

/** Longest text of a program that is kept, in characters. */
const MAX_WORDS = 512;

/** How a program runs. */
export interface GnuProgramOptions extends AbortOptions {
  /** For messages: `read unpacked layer`. */
  readonly action: string;
  /** Its streams and open files. Its words for people, descriptor 2, are always kept. */
  readonly stdio: readonly [input: "pipe" | "ignore", output: "pipe" | "ignore", ...descriptors: number[]];
}

/**
 * One of GNU's programs at work, because Node.js can neither read nor write extended attributes, nor make devices. It speaks
 * English, and the signal kills it. Whoever starts it awaits its end, or disposes of it.
 */
export class GnuProgram implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #action: string;
  readonly #signal: AbortSignal | undefined;
  /** With its exit status. Never rejects: somebody may await it late. */
  readonly #closed: Promise<number | null>;
  #words = "";
  /** Why it could not be run. */
  #cause: unknown;

  /** Throws `ErrCanceled` by a signal that has fired. What else goes wrong is told at its end. */
  constructor(name: string, args: readonly string[], { action, stdio, signal }: GnuProgramOptions) {
    throwIfAborted(signal);
    this.#name = name;
    this.#action = action;
    this.#signal = signal;
    const [input, output, ...descriptors] = stdio;
    const streams: StdioOptions = [input, output, "pipe", ...descriptors];
    const env = { LC_ALL: "C", PATH: process.env["PATH"] }; // and no options for tar of somebody's own
    this.#child = spawn(name, args, { stdio: streams, env, signal, killSignal: "SIGKILL" });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#words = `${this.#words}${text}`.slice(0, MAX_WORDS);
    });
    this.#child.once("error", (cause) => {
      this.#cause = cause;
    });
    this.#closed = new Promise((resolve) => this.#child.once("close", resolve));
  }

  /** What it reads. Throws `ErrFailedPrecondition` when it was started without. */
  get input(): Writable {
    return this.#child.stdin ?? this.#withoutStream("input");
  }

  /** What it writes. Throws as `input` does. */
  get output(): Readable {
    return this.#child.stdout ?? this.#withoutStream("output");
  }

  /** Ends it, if it is still at work, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  /**
   * Waits for its end. Returns its exit status. Throws `ErrNotImplemented` where there is no such program, `ErrUnknown` when it was
   * killed, and `ErrCanceled`.
   */
  async status(): Promise<number> {
    const status = await this.#closed;
    throwIfAborted(this.#signal);
    if (this.#cause !== undefined) {
      const message = `${this.#action}: the program ${this.#name} cannot be run`;
      throw new ErrNotImplemented(message, { cause: this.#cause });
    }
    if (status === null) throw this.#failed("it was killed");
    return status;
  }

  /**
   * Waits for its end. Throws the classes of `diskErrorInWords` when it fails for the disk, `ErrPermissionDenied` when it may not do
   * something, `ErrUnknown` with its words when it fails otherwise, and what `status` throws.
   */
  async finish(): Promise<void> {
    const status = await this.status();
    if (status === 0) return;
    const byDisk = diskErrorInWords(this.#action, this.#words);
    if (byDisk) throw byDisk;
    const failure = this.#failed(`it ended with ${status}`);
    if (/Permission denied|Operation not permitted/.test(this.#words))
      throw new ErrPermissionDenied(failure.message, { retryable: false });
    throw failure;
  }

  #failed(otherwise: string): ErrUnknown {
    const words = plainText(this.#words.trim(), MAX_WORDS) || otherwise;
    return new ErrUnknown(`${this.#action}: ${this.#name}: ${words}`, { retryable: false });
  }

  #withoutStream(stream: string): never {
    throw new ErrFailedPrecondition(`${this.#action}: ${this.#name} was started without ${stream}`);
  }
}
