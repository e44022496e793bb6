import { Worker } from "node:worker_threads";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { UnpackOutcome } from "../unpack/unpack-outcome.ts";
import { fromWire, type WireError } from "./error-wire.ts";
import type { JobState } from "./job-state.ts";
import type { UnpackJob } from "./unpack-job.ts";
import { workerFile } from "./worker-file.ts";

/** What a thread is sent. */
export interface ThreadMessage {
  readonly job: UnpackJob;
  readonly memory: SharedArrayBuffer;
}

/** What it answers. */
export type ThreadReply = { readonly outcome: UnpackOutcome } | { readonly error: WireError };

/** A thread that unpacks layers, one at a time. It keeps no process alive unless it has a job. */
export class UnpackThread {
  readonly #worker: Worker;
  #isDead = false;
  #settle: ((reply: ThreadReply | Error) => void) | undefined;

  /** @param file the program of the thread; the caller calls `end` after use */
  constructor(file: URL = workerFile()) {
    this.#worker = new Worker(file, { name: "drayage-unpack", stdin: false });
    this.#worker.unref();
    this.#worker.on("message", (reply: ThreadReply) => this.#settle?.(reply));
    this.#worker.on("error", (cause) => this.#die(cause));
    this.#worker.on("exit", (code) => this.#die(new Error(`it ended with status ${code}`)));
  }

  /** Whether it can do no more jobs. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Does a job. Throws what the job throws, and `ErrUnavailable` when the thread dies meanwhile. */
  async run(job: UnpackJob, { memory }: JobState): Promise<UnpackOutcome> {
    this.#worker.ref();
    try {
      const reply = await new Promise<ThreadReply>((resolve, reject) => {
        this.#settle = (settled) => (settled instanceof Error ? reject(settled) : resolve(settled));
        if (this.#isDead) this.#die(new Error("it had ended before"));
        else this.#worker.postMessage({ job, memory } satisfies ThreadMessage, []);
      });
      if ("outcome" in reply) return reply.outcome;
      throw fromWire(reply.error);
    } finally {
      this.#settle = undefined;
      this.#worker.unref();
    }
  }

  /** Ends the thread, whatever it does. Resolves when it touches nothing any more. */
  async end(): Promise<void> {
    this.#isDead = true;
    await this.#worker.terminate();
  }

  #die(cause: unknown): void {
    this.#isDead = true;
    const message = "unpack layer: the thread that did it died";
    this.#settle?.(new ErrUnavailable(message, { cause, retryable: true }));
  }
}
