import { reportSinkFailure } from "../progress/guard-sink.ts";
import type { StepProgress } from "../progress/progress.ts";
import type { TransferOptions } from "./job.ts";

type Sink = NonNullable<TransferOptions["onProgress"]>;

/** Messages kept for one slow sink; beyond it the oldest is dropped, because a stuck sink must not eat the memory. */
const MAX_PENDING_MESSAGES = 1_000;

/** What a sink hears. */
export type Heard = Pick<TransferOptions, "waitsOnly">;

/** One sink's place in a feed. */
export interface Subscription {
  /** Takes no more progress. Resolves when all that came before is delivered, so the sink is called no more. */
  close(): Promise<void>;
}

/**
 * Progress of one job for any number of sinks. Nobody waits for a slow sink, and each one always ends up with the newest
 * value (moby's watchers can miss it: their wake-up gets lost while they write). A late sink starts with the last value.
 */
export class ProgressFeed {
  readonly #readers = new Set<Reader>();
  #last: StepProgress | undefined;

  /** Tells every sink. */
  publish(progress: StepProgress): void {
    this.#last = progress;
    for (const reader of Array.from(this.#readers)) reader.push(progress); // a sink may join or leave meanwhile
  }

  /** Adds a sink. It is not called before this call has returned. */
  subscribe(sink: Sink, heard: Heard = {}): Subscription {
    const reader = new Reader(sink, heard);
    if (this.#last) reader.push(this.#last);
    this.#readers.add(reader);
    return {
      close: () => {
        this.#readers.delete(reader);
        return reader.close();
      },
    };
  }
}

/** Calls one sink, one call at a time. */
class Reader {
  readonly #sink: Sink;
  readonly #waitsOnly: boolean;
  readonly #drained = Promise.withResolvers<void>();
  #pending: StepProgress[] = [];
  #told: StepProgress | undefined;
  #busy = true;
  #closed = false;

  constructor(sink: Sink, { waitsOnly = false }: Heard) {
    this.#sink = sink;
    this.#waitsOnly = waitsOnly;
    queueMicrotask(() => this.#deliver());
  }

  push(progress: StepProgress): void {
    if (this.#closed || (this.#waitsOnly && !isWait(progress))) return;
    this.#pending = withNewest(this.#pending, progress);
    if (!this.#busy) this.#deliver();
  }

  close(): Promise<void> {
    this.#closed = true;
    if (!this.#busy) this.#drained.resolve();
    return this.#drained.promise;
  }

  #deliver(): void {
    this.#busy = true;
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
      const call = this.#tell(next);
      if (call) {
        void call.then(() => this.#deliver());
        return;
      }
    }
    this.#busy = false;
    if (this.#closed) this.#drained.resolve();
  }

  /** The rest of the call when the sink is asynchronous; it never rejects. */
  #tell(progress: StepProgress): Promise<void> | undefined {
    if (this.#told && isSameUpdate(progress, this.#told)) return undefined;
    this.#told = progress;
    try {
      const returned: unknown = this.#sink(progress);
      return returned instanceof Promise ? returned.catch((error: unknown) => this.#fail(error)) : undefined;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: unknown): void {
    this.#closed = true;
    this.#pending = [];
    reportSinkFailure(error);
  }
}

/** `pending` with `progress` at its end: of updates the newest one stays, messages all stay up to their limit. */
function withNewest(pending: readonly StepProgress[], progress: StepProgress): StepProgress[] {
  if (pending.length === 0) return [progress];
  const kept = progress.kind === "update" ? pending.filter((item) => item.kind === "message") : [...pending];
  const messages = kept.filter((item) => item.kind === "message").length;
  if (progress.kind === "message" && messages >= MAX_PENDING_MESSAGES) {
    kept.splice(
      kept.findIndex((item) => item.kind === "message"),
      1,
    );
  }
  kept.push(progress);
  return kept;
}

/** Whether it says for what the job waits. */
function isWait(progress: StepProgress): boolean {
  return progress.kind === "update" && progress.reason !== undefined;
}

function isSameUpdate(a: StepProgress, b: StepProgress): boolean {
  return (
    a.kind === "update" &&
    b.kind === "update" &&
    a.id === b.id &&
    a.action === b.action &&
    a.currentBytes === b.currentBytes &&
    a.totalBytes === b.totalBytes &&
    a.entries === b.entries
  );
}
