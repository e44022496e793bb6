import { type OnReadOpts, Socket } from "node:net";

/** Bytes that one read of a plain socket takes at most. */
const TCP_BUFFER_BYTES = 256 * 1024;

/**
 * Bytes after which a plain socket lets everybody else have a turn: libuv reads up to 32 buffers of each socket before it looks at
 * anything else, which is some 15 milliseconds of hashing and writing for every one of them. TLS decrypts less in one turn.
 */
const TURN_BYTES = 1024 * 1024;

/** The same in a thread that does nothing but receive, where fewer and longer steps take a tenth less CPU time per byte. */
const THREAD_BUFFER_BYTES = 1024 * 1024;

/** The same: nobody but the thread's other sockets waits for such a turn, of some 14 milliseconds. */
const THREAD_TURN_BYTES = 8 * 1024 * 1024;

/**
 * Longest body that is copied through undici's parser; a longer one goes past it, at the price of its connection. Pieces
 * of a content that comes in ranges are no longer, because they follow each other over one connection.
 */
const DIRECT_BYTES = 64 * 1024 * 1024;

/** How a socket is read. */
export interface ReadingSizes {
  /** Bytes of one read at most, of a plain socket. */
  readonly bufferBytes: number;
  /** Bytes after which a plain socket lets everybody else have a turn. */
  readonly turnBytes: number;
  /** A body of more bytes goes past the parser, as a `DirectBody`. */
  readonly directBytes: number;
}

/** In a thread that does other things as well. */
export const READING_BESIDE_OTHERS: ReadingSizes = {
  bufferBytes: TCP_BUFFER_BYTES,
  turnBytes: TURN_BYTES,
  directBytes: DIRECT_BYTES,
};

/** In a thread that only receives. */
export const READING_ALONE: ReadingSizes = {
  bufferBytes: THREAD_BUFFER_BYTES,
  turnBytes: THREAD_TURN_BYTES,
  directBytes: DIRECT_BYTES,
};

/** The feeds of sockets that have one. */
const FEEDS = new WeakMap<Socket, SocketFeed>();

/** The feed that was attached to a socket, if one was. */
export function feedOf(socket: Socket): SocketFeed | undefined {
  return FEEDS.get(socket);
}

/** Bytes that one read of a TLS socket gives at most: Node hands out no more than one record's payload. */
const TLS_BUFFER_BYTES = 16 * 1024;

/**
 * Stands between the reused buffer of a socket and undici's parser, which takes bytes with `read`, gives back what it did
 * not parse with `unshift` when it pauses, and otherwise waits for `readable`. The socket reads into one buffer for as long
 * as it lives, where Node's own would allocate 64 KiB per read: half the CPU time per received byte. A chunk given to
 * `onResponseData` is therefore valid only until that call returns or, when it pauses the controller, until `resume`.
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
  /** Bytes that were read in this turn. */
  #turn = 0;

  constructor({ secure, sizes }: { readonly secure: boolean; readonly sizes: ReadingSizes }) {
    this.directBytes = sizes.directBytes;
    this.#turnBytes = secure ? Number.POSITIVE_INFINITY : sizes.turnBytes;
    const callback = (byteCount: number, buffer: Uint8Array): boolean => this.#onBytes(byteCount, buffer);
    this.onread = {
      buffer: secure ? this.#tlsBuffer() : Buffer.allocUnsafeSlow(sizes.bufferBytes),
      callback,
    };
  }

  /** Puts the feed in the place of the socket's own queue. */
  attach(socket: Socket): void {
    this.#socket = socket;
    FEEDS.set(socket, this);
    const read = (size?: number): unknown =>
      size === undefined ? this.#read() : Socket.prototype.read.call(socket, size);
    Object.assign(socket, { read, unshift: (rest: Buffer) => this.#unshift(rest) });
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

  /** Gives what was read, however much is held up. */
  flush(): void {
    while (this.#waiting.length > 0) this.#giveOne();
  }

  #giveOne(): void {
    const chunk = this.#waiting.shift();
    if (chunk) this.#past?.(chunk);
  }

  /**
   * Node asks for a buffer before the first and after every read. TLS goes on with what it has decrypted although it was
   * told to stop; then the old buffer belongs to whoever paused, and the next bytes need another one.
   */
  #tlsBuffer(): () => Uint8Array {
    let buffer = Buffer.allocUnsafeSlow(TLS_BUFFER_BYTES);
    return () => {
      if (this.#stopped) buffer = Buffer.allocUnsafeSlow(TLS_BUFFER_BYTES);
      return buffer;
    };
  }

  #onBytes(byteCount: number, buffer: Uint8Array): boolean {
    this.#waiting.push(Buffer.from(buffer.buffer, buffer.byteOffset, byteCount));
    if (!this.#paused) this.#give();
    this.#stopped = this.#paused || this.#waiting.length > 0 || this.#endsTurn(byteCount);
    return !this.#stopped;
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
