import { ErrCanceled } from "../../errors/classes.ts";
import type { UnpackProgress } from "./unpack-job.ts";

/** What the numbers mean, by their place. */
const [BYTES_IN, BYTES_OUT, ENTRIES, CANCELED, WAITS] = [0, 1, 2, 3, 4];

/** How far a job is, and whether it is still wanted: memory that two threads share, so that neither has to be asked. */
export class JobState {
  /** What another `JobState` is made from, in the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #numbers: BigInt64Array;

  constructor(memory = new SharedArrayBuffer(5 * BigInt64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#numbers = new BigInt64Array(memory);
  }

  /** How far the job has come. */
  get progress(): UnpackProgress {
    return { bytesIn: this.#read(BYTES_IN), bytesOut: this.#read(BYTES_OUT), entries: this.#read(ENTRIES) };
  }

  /** Notes how many bytes of the blob were read. */
  noteRead(bytesIn: number): void {
    Atomics.store(this.#numbers, BYTES_IN, BigInt(bytesIn));
  }

  /** Notes how many bytes and entries were unpacked. */
  noteUnpacked(bytesOut: number, entries: number): void {
    Atomics.store(this.#numbers, BYTES_OUT, BigInt(bytesOut));
    Atomics.store(this.#numbers, ENTRIES, BigInt(entries));
  }

  /** Whether the job has nothing to do before more of its blob is there. */
  get isWaiting(): boolean {
    return this.#read(WAITS) !== 0;
  }

  /** Notes whether the job waits for more of its blob. */
  noteWaiting(waits: boolean): void {
    Atomics.store(this.#numbers, WAITS, waits ? 1n : 0n);
  }

  /** Nobody wants the job any more. */
  cancel(): void {
    Atomics.store(this.#numbers, CANCELED, 1n);
  }

  /** Throws `ErrCanceled` when nobody wants the job any more. */
  throwIfCanceled(): void {
    if (Atomics.load(this.#numbers, CANCELED) !== 0n) throw new ErrCanceled("context canceled");
  }

  #read(place: number): number {
    return Number(Atomics.load(this.#numbers, place));
  }
}
