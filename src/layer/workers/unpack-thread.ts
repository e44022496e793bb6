import { Worker } from "node:worker_threads";
import { threadArguments, threadProgram } from "../../async/thread-program.ts";
import { ErrInternal, ErrUnavailable } from "../../errors/classes.ts";
import { fromWire, type WireError } from "../../errors/error-wire.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import type { JobState } from "./job-state.ts";
import type { PieceRing } from "./piece-ring.ts";
import type { UnpackJob } from "./unpack-job.ts";
import { UNPACK_PROGRAM } from "./unpack-program.ts";

/** What a thread is sent. */
export interface ThreadMessage {
  /** Names the job in the answer. */
  readonly id: number;
  readonly job: UnpackJob;
  readonly memory: SharedArrayBuffer;
  /** Which half of it is wanted, and the ring by which another thread does the other one; absent for a whole job. */
  readonly half?: { readonly part: "pieces" | "unpack"; readonly ring: SharedArrayBuffer } | undefined;
}

/** What it answers; without an id, that a job waits for bytes. */
export type ThreadReply =
  | { readonly id: number; readonly outcome: UnpackOutcome | undefined }
  | { readonly id: number; readonly error: WireError }
  | { readonly id: undefined };

/** How a thread is made. */
export interface UnpackThreadOptions {
  /** The program of the thread. */
  readonly file?: URL | undefined;
  /** Called when a job waits for bytes. */
  readonly onWait?: (() => void) | undefined;
}

const PROGRAM = threadProgram("unpack-worker", import.meta.url);

type Outcome = PromiseWithResolvers<UnpackOutcome | undefined>;

/** A thread that unpacks layers. It keeps no process alive unless it has a job. */
export class UnpackThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Outcome>();
  #lastId = 0;
  #isDead = false;

  /** The caller calls `end` after use. */
  constructor({ file = PROGRAM, onWait }: UnpackThreadOptions = {}) {
    const isText = file === undefined;
    const options = { name: "drayage-unpack", stdin: false, eval: isText, ...(!isText && threadArguments()) };
    this.#worker = new Worker(file ?? UNPACK_PROGRAM, options);
    this.#worker.unref();
    this.#worker.on("message", (reply: ThreadReply) => {
      if (reply.id === undefined) onWait?.();
      else this.#settle(reply);
    });
    this.#worker.on("error", (cause) => this.#die(cause));
    this.#worker.on("exit", (code) => this.#die(new Error(`it ended with status ${code}`)));
  }

  /** Whether it can do no more jobs. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /**
   * Does a job. Throws what the job throws, and `ErrUnavailable` when the thread dies meanwhile.
   *
   * @param ring where its pieces come from, when another thread makes them
   */
  async run(job: UnpackJob, { memory }: JobState, ring?: PieceRing): Promise<UnpackOutcome> {
    const half = ring && ({ part: "unpack", ring: ring.memory } as const);
    const outcome = await this.#do({ job, memory, half });
    if (!outcome) throw new ErrInternal("unpack layer: the thread told no outcome");
    return outcome;
  }

  /** Does the half of a job that another thread takes the pieces of. Throws as `run` does. */
  async writePieces(job: UnpackJob, { memory }: JobState, ring: PieceRing): Promise<void> {
    await this.#do({ job, memory, half: { part: "pieces", ring: ring.memory } });
  }

  async #do(work: Omit<ThreadMessage, "id">): Promise<UnpackOutcome | undefined> {
    const id = ++this.#lastId;
    const outcome: Outcome = Promise.withResolvers();
    this.#jobs.set(id, outcome);
    this.#worker.ref();
    try {
      if (this.#isDead) this.#die(new Error("it had ended before"));
      else this.#worker.postMessage({ id, ...work } satisfies ThreadMessage, []);
      return await outcome.promise;
    } finally {
      this.#jobs.delete(id);
      if (this.#jobs.size === 0) this.#worker.unref();
    }
  }

  /** Ends the thread, whatever it does. Resolves when it touches nothing any more. */
  async end(): Promise<void> {
    this.#isDead = true;
    await this.#worker.terminate();
  }

  #settle(reply: Exclude<ThreadReply, { id: undefined }>): void {
    const outcome = this.#jobs.get(reply.id);
    if ("outcome" in reply) outcome?.resolve(reply.outcome);
    else outcome?.reject(fromWire(reply.error));
  }

  #die(cause: unknown): void {
    this.#isDead = true;
    const message = "unpack layer: the thread that did it died";
    for (const outcome of this.#jobs.values()) {
      outcome.reject(new ErrUnavailable(message, { cause, retryable: true }));
    }
  }
}
