import { type AbortOptions, throwIfAborted } from "../../../async/abort.ts";
import { type Clock, systemClock } from "../../../async/clock.ts";
import { Semaphore } from "../../../async/semaphore.ts";
import { waitTurn } from "../../../async/wait-turn.ts";

/** Memory for large messages that arrive or are worked on, of all calls together, in bytes: as much as reads may take. */
const LARGE_MESSAGES_BYTES = 64 * 1_048_576;

/** Size of the buffers that are kept, in bytes: what clients usually send at once, and some fields. */
const USUAL_BYTES = 1_048_576 + 65_536;

/** Buffers that are kept for the next messages: new ones for each would keep the garbage collector busier than the disk. */
const MAX_IDLE_BUFFERS = 8;

/** How long nothing may come of a message that has begun, while others wait for its room, in milliseconds. */
const STALL_MS = 10_000;

/**
 * The memory in which large messages are put together. A call that finds it used up waits in line, and its client with it: what
 * it sends stays on its side. A client that stops in the middle of a message holds up the others for `STALL_MS` at most.
 */
export class MessageRoom {
  readonly #clock: Clock;
  readonly #line = new Semaphore(1);
  /** Who is the first in the line, and waits until something is given back. */
  readonly #first: Array<() => void> = [];
  readonly #shares = new Set<MessageShare>();
  readonly #idle: Buffer[] = [];
  #freeBytes = LARGE_MESSAGES_BYTES;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Room for a message of `length` bytes, to be given back by the caller. Rejects with the signal's error. */
  async take(length: number, options: AbortOptions): Promise<MessageShare> {
    const heldBytes = Math.max(length, USUAL_BYTES);
    const leave = await this.#line.acquire(options);
    try {
      while (this.#freeBytes < heldBytes) await this.#given(options);
      this.#freeBytes -= heldBytes;
    } finally {
      leave();
    }
    const kept = length <= USUAL_BYTES ? this.#idle.pop() : undefined;
    return this.#share((kept ?? Buffer.allocUnsafeSlow(heldBytes)).subarray(0, length), heldBytes);
  }

  #share(bytes: Buffer, heldBytes: number): MessageShare {
    const share: MessageShare = new MessageShare(bytes, this.#clock, (mayReuse) => {
      this.#shares.delete(share);
      this.#freeBytes += heldBytes;
      const isKept = mayReuse && heldBytes === USUAL_BYTES && this.#idle.length < MAX_IDLE_BUFFERS;
      if (isKept) this.#idle.push(Buffer.from(bytes.buffer));
      this.#first.shift()?.();
    });
    this.#shares.add(share);
    return share;
  }

  async #given(options: AbortOptions): Promise<void> {
    throwIfAborted(options.signal);
    const watch = setInterval(() => this.#loseStalled(), STALL_MS);
    try {
      await waitTurn(this.#first, options);
    } finally {
      clearInterval(watch);
    }
  }

  #loseStalled(): void {
    for (const share of this.#shares) if (share.silentMs() >= STALL_MS) share.lose();
  }
}

/** Room for one message. */
export class MessageShare {
  readonly bytes: Buffer;
  /** Called once when the room is wanted back, because the message has stalled. */
  onLost: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #giveBack: (mayReuse: boolean) => void;
  #isLost = false;
  #isHeld = true;
  /** When a part of it came last; `undefined` when it is complete. */
  #movedAtMs: number | undefined;

  constructor(bytes: Buffer, clock: Clock, giveBack: (mayReuse: boolean) => void) {
    this.bytes = bytes;
    this.#clock = clock;
    this.#giveBack = giveBack;
    this.moved();
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /** A part of the message has come. */
  moved(): void {
    this.#movedAtMs = this.#clock.elapsed();
  }

  /** All of the message has come: from now on its bytes are worked with, as long as that takes. */
  complete(): void {
    this.#movedAtMs = undefined;
  }

  /** For how long nothing of the message has come, in milliseconds. */
  silentMs(): number {
    return this.#movedAtMs === undefined ? 0 : this.#clock.elapsed() - this.#movedAtMs;
  }

  /** Tells who holds the room to give it back. */
  lose(): void {
    this.#isLost = true;
    this.onLost?.();
  }

  /** Gives the room back, for others to write to if `mayReuse`. Doing that twice is fine. */
  release(mayReuse: boolean): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#giveBack(mayReuse);
  }
}
