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

/** How much a plain socket reads. */
export interface ReadingSizes {
  /** Bytes of one read at most. */
  readonly bufferBytes: number;
  /** Bytes after which it lets everybody else have a turn. */
  readonly turnBytes: number;
}

/** In a thread that does other things as well. */
export const READING_BESIDE_OTHERS: ReadingSizes = { bufferBytes: TCP_BUFFER_BYTES, turnBytes: TURN_BYTES };

/** In a thread that only receives. */
export const READING_ALONE: ReadingSizes = { bufferBytes: THREAD_BUFFER_BYTES, turnBytes: THREAD_TURN_BYTES };

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
  /** Read from the socket, not yet taken by the parser. */
  #waiting: Buffer[] = [];
  /** The parser has paused; it gave back the rest, perhaps nothing. */
  #paused = false;
  /** Node was told to stop reading. */
  #stopped = false;
  #socket: Socket | undefined;
  readonly #turnBytes: number;
  /** Bytes that were read in this turn. */
  #turn = 0;

  constructor({ secure, sizes }: { readonly secure: boolean; readonly sizes: ReadingSizes }) {
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
    const read = (size?: number): unknown =>
      size === undefined ? this.#read() : Socket.prototype.read.call(socket, size);
    Object.assign(socket, { read, unshift: (rest: Buffer) => this.#unshift(rest) });
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
    if (!this.#paused) this.#socket?.emit("readable");
    this.#stopped = this.#paused || this.#waiting.length > 0 || this.#endsTurn(byteCount);
    return !this.#stopped;
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
