import { availableParallelism } from "node:os";
import { threadProgram } from "../../async/thread-program.ts";
import type { ConnectionOptions } from "../../registry/transport/connection-options.ts";
import { ExchangeThread } from "../../registry/transport/exchange-thread.ts";

/** Most threads unless told otherwise: what a line of ten gigabits brings, over TLS as well. */
const MAX_WORKERS = 4;

/** Bytes of a blob from which a thread that runs is worth a message to it and back. */
const MIN_BYTES = 1024 * 1024;

/**
 * Bytes on their way for which one thread is started, unless told otherwise: less is here by this one before that has begun. What
 * comes first is received by this one, too.
 */
const BYTES_PER_WORKER = 128 * 1024 * 1024;

/** How long threads are kept when there is nothing for them, in milliseconds. */
const KEPT_MS = 60_000;

/** What threads are made of. */
export interface TransferThreadsOptions {
  /**
   * Most threads; 0 for none. Where fewer are asked for than there are cores, the caller's thread receives as much as each of them.
   * Default: one for each core that the process may use, four at most.
   */
  readonly workers?: number | undefined;
  /** Bytes on their way for which, when another blob comes, one thread is started; 0: at once, for every blob. */
  readonly bytesPerWorker?: number | undefined;
  /** Those of the transport. */
  readonly connection: Omit<ConnectionOptions, "proxy">;
  /** The program of a thread. */
  readonly file?: URL | undefined;
  /** Cores that the process may use. Default: what Node.js says. */
  readonly cores?: number | undefined;
}

/** A blob's share of the threads, to be disposed of when it is here. */
export interface Share extends Disposable {
  /** Where it is to be received; `undefined`: in this one. */
  readonly thread: ExchangeThread | undefined;
}

/**
 * Threads that receive blobs. They are started when enough bytes are on their way, and ended when there have been none for a while; one
 * that dies is followed by another, unless it has never begun: then this process is none for threads.
 */
export class TransferThreads {
  readonly #options: TransferThreadsOptions;
  readonly #most: number;
  readonly #bytesPerWorker: number;
  /**
   * Whether the thread of the caller receives as much as each of these: where somebody has asked for fewer of them than there are
   * cores. Not where there are none, as who wants none does other things here, nor where each blob has a thread at once.
   */
  readonly callerIsOne: boolean;
  /** The bytes that each has on their way. */
  readonly #threads = new Map<ExchangeThread, number>();
  #bytes = 0;
  #isOff = false;
  #ending: NodeJS.Timeout | undefined;

  /** The caller calls `end` after use. */
  constructor(options: TransferThreadsOptions) {
    this.#options = options;
    const { workers, cores = availableParallelism() } = options;
    this.#most = workers ?? Math.min(cores, MAX_WORKERS);
    this.#bytesPerWorker = options.bytesPerWorker ?? BYTES_PER_WORKER;
    this.callerIsOne = this.#bytesPerWorker > 0 && workers !== undefined && workers > 0 && workers < cores;
  }

  /** A share for a blob of so many bytes. */
  take(bytes: number): Share {
    const isWorth = bytes >= Math.min(MIN_BYTES, this.#bytesPerWorker);
    const thread = isWorth ? this.#choose() : undefined;
    this.#bytes += bytes;
    if (thread) this.#count(thread, bytes);
    return {
      thread,
      [Symbol.dispose]: () => {
        this.#bytes -= bytes;
        if (thread) this.#count(thread, -bytes);
        if (this.#bytes === 0) this.#endLater();
      },
    };
  }

  /** Ends all threads. What they do fails with `ErrUnavailable`. */
  async end(): Promise<void> {
    this.#isOff = true;
    await this.#endAll();
  }

  /** The thread that has least to do; `undefined` for the caller's. */
  #choose(): ExchangeThread | undefined {
    clearTimeout(this.#ending);
    for (const thread of this.#threads.keys()) if (thread.isDead) this.#bury(thread);
    const worth = this.#bytesPerWorker === 0 ? this.#most : Math.floor(this.#bytes / this.#bytesPerWorker);
    const wanted = Math.min(this.#most, worth);
    while (!this.#isOff && this.#threads.size < wanted) this.#start();
    if (this.#isOff) return undefined;
    const [first] = [...this.#threads].toSorted(([, some], [, more]) => some - more);
    return first && this.callerIsOne && this.#bytesHere() < first[1] ? undefined : first?.[0];
  }

  /** Bytes that the thread of the caller has on their way. */
  #bytesHere(): number {
    return [...this.#threads.values()].reduce((rest, bytes) => rest - bytes, this.#bytes);
  }

  #start(): void {
    const { connection, file = threadProgram("transfer-worker", import.meta.url) } = this.#options;
    try {
      if (file) this.#threads.set(new ExchangeThread({ connection, file }), 0);
      else this.#isOff = true; // a bundle has not got the program
    } catch {
      this.#isOff = true; // threads are not allowed here
    }
  }

  #bury(thread: ExchangeThread): void {
    this.#threads.delete(thread);
    if (!thread.hasStarted) this.#isOff = true;
  }

  #count(thread: ExchangeThread, bytes: number): void {
    const before = this.#threads.get(thread);
    if (before !== undefined) this.#threads.set(thread, before + bytes);
  }

  #endLater(): void {
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => void this.#endAll(), KEPT_MS).unref();
  }

  async #endAll(): Promise<void> {
    clearTimeout(this.#ending);
    const threads = [...this.#threads.keys()];
    this.#threads.clear();
    await Promise.all(threads.map((thread) => thread.end()));
  }
}
