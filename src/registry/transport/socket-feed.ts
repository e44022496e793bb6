import { type OnReadOpts, Socket } from "node:net";
import { RecordBuffer } from "./record-buffer.ts";

/**
 * Bytes that one read of a plain socket takes at most of what is taken at once, to be hashed and written: fewer and longer steps take a
 * tenth less CPU time per byte than 256 KiB.
 */
const TCP_BUFFER_BYTES = 1024 * 1024;

/**
 * The same of anything else, which whoever gets it may need for a while: what goes into another socket next is in the processor's cache
 * still, also where the other end reads it, and a copy between registries takes 3 % less time than with steps of a MiB.
 */
const KEPT_BUFFER_BYTES = 256 * 1024;

/**
 * Bytes after which a plain socket lets everybody else have a turn: libuv reads up to 32 buffers of each socket before it looks at
 * anything else, and each of them is two milliseconds of hashing and writing. TLS decrypts less in one turn.
 */
const TURN_BYTES = 1024 * 1024;

/** The same in a thread that only receives: nobody but its other sockets waits for such a turn, of some 14 milliseconds. */
const THREAD_TURN_BYTES = 8 * 1024 * 1024;

/**
 * Longest body that is copied through undici's parser; a longer one goes past it, at the price of its connection. Pieces
 * of a content that comes in ranges are no longer, because they follow each other over one connection.
 */
const DIRECT_BYTES = 64 * 1024 * 1024;

/**
 * Memory into which all plain sockets of a thread read that only receives: a step of four MiB costs a tenth less CPU time per byte than
 * steps of one into memory of each socket's own, as what is written and hashed next is in the processor's cache still.
 */
const SHARED_BYTES = 4 * 1024 * 1024;

/** How a socket is read. */
export interface Reading {
  /** Bytes after which a plain socket lets everybody else have a turn. */
  readonly turnBytes: number;
  /** A body of more bytes goes past the parser, as a `DirectBody`. */
  readonly directBytes: number;
  /**
   * Where plain sockets read to that share it, what is taken at once: then a chunk is valid until the call returns that gives it, and no
   * longer. Default: each has memory of its own, in which a chunk is valid as `ChunkSink` says.
   */
  readonly shared?: Buffer | undefined;
  /** Whether everything that comes is taken at once. Default: what `takenAtOnce` is called for. */
  readonly allAtOnce?: boolean | undefined;
}

/** In a thread that does other things as well. */
export const READING_BESIDE_OTHERS: Reading = {
  turnBytes: TURN_BYTES,
  directBytes: DIRECT_BYTES,
};

/** In a thread that does other things as well, but receives as much as one that does not. Made once for all its sockets. */
export function readingMuch(): Reading {
  return withShared({
    turnBytes: SHARED_BYTES, // one step
    directBytes: DIRECT_BYTES,
  });
}

/** In a thread that only receives, and where nobody keeps a chunk. */
export function readingAlone(directBytes = DIRECT_BYTES): Reading {
  return withShared({ turnBytes: THREAD_TURN_BYTES, directBytes, allAtOnce: true });
}

/** The memory is there when a plain socket asks for it: V8 counts what nobody uses, too, and looks for garbage the sooner. */
function withShared(reading: Omit<Reading, "shared">): Reading {
  let memory: Buffer | undefined;
  return {
    ...reading,
    get shared() {
      memory ??= Buffer.allocUnsafeSlow(SHARED_BYTES);
      return memory;
    },
  };
}

/** The feeds of sockets that have one. */
const FEEDS = new WeakMap<Socket, SocketFeed>();

/** The feed that was attached to a socket, if one was. */
export function feedOf(socket: Socket): SocketFeed | undefined {
  return FEEDS.get(socket);
}

/** Bytes of the records of a TLS socket that are taken at once, at most: they stay in the processor's cache meanwhile. */
const TLS_BUFFER_BYTES = 256 * 1024;

/** What a socket tells when nothing more comes over it. */
const ENDS = ["end", "error", "close"] as const;

/**
 * Stands between the reused buffer of a socket and undici's parser, which takes bytes with `read`, gives back what it did
 * not parse with `unshift` when it pauses, and otherwise waits for `readable`. The socket reads into one buffer for as long
 * as it lives, where Node's own would allocate 64 KiB per read: half the CPU time per received byte. A chunk given to
 * `onResponseData` is therefore valid only until that call returns or, when it pauses the controller, until `resume`; where sockets
 * share their memory, in any case only until it returns.
 */
export class SocketFeed {
  readonly onread: OnReadOpts;
  /** A body of more bytes goes past the parser. */
  readonly directBytes: number;
  /** Read from the socket, not yet taken by the parser. */
  #waiting: Buffer[] = [];
  /** Takes bytes in the place of the parser. */
  #past: ((chunk: Buffer) => void) | undefined;
  /** The parser has paused, and gave back the rest, perhaps nothing; or whoever takes bytes in its place. */
  #paused = false;
  /** Node was told to stop reading. */
  #stopped = false;
  #socket: Socket | undefined;
  readonly #turnBytes: number;
  /** Memory that other sockets read into as well. */
  readonly #shared: Buffer | undefined;
  readonly #allAtOnce: boolean;
  /** Memory of this socket, for what is taken at once and for what may be kept, once any such has come. */
  readonly #own: { atOnce?: Buffer; kept?: Buffer } = {};
  /** Whether what comes is taken at once. */
  #isAtOnce = false;
  /** Bytes that were read in this turn. */
  #turn = 0;
  /** Of a TLS socket: what came in this turn. */
  readonly #records: RecordBuffer | undefined;
  /** Whether it is given at the end of this turn. */
  #isDue = false;

  constructor({ secure, reading }: { readonly secure: boolean; readonly reading: Reading }) {
    this.directBytes = reading.directBytes;
    this.#turnBytes = reading.turnBytes;
    this.#shared = secure ? undefined : reading.shared;
    this.#allAtOnce = reading.allAtOnce ?? false;
    this.#records = secure ? new RecordBuffer(TLS_BUFFER_BYTES) : undefined;
    this.onread = this.#records ? this.#readingOf(this.#records) : this.#readingInto();
  }

  /** Puts the feed in the place of the socket's own queue. */
  attach(socket: Socket): void {
    this.#socket = socket;
    FEEDS.set(socket, this);
    const read = (size?: number): unknown =>
      size === undefined ? this.#read() : Socket.prototype.read.call(socket, size);
    Object.assign(socket, { read, unshift: (rest: Buffer) => this.#unshift(rest) });
    // Before whoever else hears of it: what has come belongs before the end.
    if (this.#records) for (const end of ENDS) socket.on(end, () => this.#giveRecords());
  }

  /**
   * From now on all bytes go to `take`, beginning with `goOn`, and past the parser, which has paused. They are valid until that call
   * returns or, when it holds the feed up, until `goOn`.
   */
  divert(take: (chunk: Buffer) => void): void {
    this.#past = take;
  }

  /** Nothing is given to who takes bytes in the place of the parser until `goOn`. */
  holdUp(): void {
    this.#paused = true;
  }

  /** Ends what `holdUp`, or the pause of the parser, began. */
  goOn(): void {
    this.#paused = false;
    while (!this.#paused && this.#waiting.length > 0) this.#giveOne();
    if (!this.#paused) this.#readOn();
  }

  /**
   * Whether what comes from now on is needed no longer than the call takes that gives it. Node asks for memory in advance, so this
   * concerns what is read after the next step.
   */
  takenAtOnce(isAtOnce: boolean): void {
    this.#isAtOnce = isAtOnce;
  }

  /** Whether a chunk is valid only until the call returns that gives it, as it lies in memory that other sockets read into. */
  isShared({ buffer }: Uint8Array): boolean {
    return this.#shared !== undefined && buffer === this.#shared.buffer;
  }

  /** Gives what was read, however much is held up. */
  flush(): void {
    this.#takeRecords();
    while (this.#waiting.length > 0) this.#giveOne();
  }

  #giveOne(): void {
    const chunk = this.#waiting.shift();
    if (chunk) this.#past?.(chunk);
  }

  #readingInto(): OnReadOpts {
    const all = this.#allAtOnce ? this.#shared : undefined;
    return {
      buffer: all ?? (() => (this.#isAtOnce ? this.#forAtOnce() : this.#forKept())),
      callback: (count, buffer) => this.#onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, count)),
    };
  }

  #forAtOnce(): Buffer {
    if (this.#shared) return this.#shared;
    this.#own.atOnce ??= Buffer.allocUnsafeSlow(TCP_BUFFER_BYTES);
    return this.#own.atOnce;
  }

  #forKept(): Buffer {
    this.#own.kept ??= Buffer.allocUnsafeSlow(KEPT_BUFFER_BYTES);
    return this.#own.kept;
  }

  /**
   * Node asks where the next record goes before the first and after each one. It goes on with what it has decrypted although it was
   * told to stop, so there is always room.
   */
  #readingOf(records: RecordBuffer): OnReadOpts {
    return {
      buffer: () => records.space(this.#isHeld),
      callback: (count) => {
        records.add(count);
        if (records.isFull) this.#giveRecords();
        else this.#giveRecordsSoon();
        this.#stopped = this.#isHeld;
        return !this.#stopped;
      },
    };
  }

  /** Whether what was given, or is to be, is needed for longer than this moment. */
  get #isHeld(): boolean {
    return this.#paused || this.#waiting.length > 0;
  }

  #onBytes(bytes: Buffer): boolean {
    this.#waiting.push(bytes);
    if (!this.#paused) this.#give();
    if (this.#shared && this.#waiting.length > 0) this.#leaveShared();
    this.#stopped = this.#isHeld || this.#endsTurn(bytes.length);
    return !this.#stopped;
  }

  /** What waits is taken out of memory that the next socket reads into. */
  #leaveShared(): void {
    this.#waiting = this.#waiting.map((chunk) => (this.isShared(chunk) ? Buffer.from(chunk) : chunk));
  }

  #giveRecordsSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#giveRecords();
    });
  }

  #giveRecords(): void {
    if (this.#takeRecords() && !this.#paused) this.#give();
  }

  #takeRecords(): boolean {
    const records = this.#records?.take();
    if (records) this.#waiting.push(records);
    return records !== undefined;
  }

  #give(): void {
    if (this.#past) this.#giveOne();
    else this.#socket?.emit("readable");
  }

  #endsTurn(byteCount: number): boolean {
    this.#turn += byteCount;
    if (this.#turn < this.#turnBytes) return false;
    this.#turn = 0;
    setImmediate(() => {
      if (!this.#paused && this.#waiting.length === 0) this.#readOn();
    });
    return true;
  }

  #read(): Buffer | null {
    if (this.#past) return null; // the parser looks for more at the end of the connection
    this.#paused = false;
    const chunk = this.#waiting.length > 1 ? Buffer.concat(this.#waiting) : this.#waiting[0];
    this.#waiting = [];
    if (chunk) return chunk;
    this.#readOn();
    return null;
  }

  /** Makes Node read again, if it was told to stop. */
  #readOn(): void {
    if (!this.#stopped || !this.#socket) return;
    this.#stopped = false;
    Socket.prototype.read.call(this.#socket, 0);
  }

  #unshift(rest: Buffer): void {
    this.#paused = true;
    if (rest.length > 0) this.#waiting.unshift(rest);
  }
}
