import { connect as connectTcp, type OnReadOpts, Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import { type buildConnector, errors } from "undici";

/** Bytes that one read of a plain socket takes at most; measured: larger buffers win next to nothing. */
const TCP_BUFFER_BYTES = 256 * 1024;

/** Bytes that one read of a TLS socket gives at most: Node hands out no more than one record's payload. */
const TLS_BUFFER_BYTES = 16 * 1024;

/** TLS sessions kept for resumption, one per host and port. */
const MAX_TLS_SESSIONS = 100;

/** What an origin's connections have in common. */
export interface ConnectorOptions {
  /** Longest time until the connection stands, TLS handshake included. */
  readonly connectTimeoutMs: number;
  readonly secureContext?: SecureContext | undefined;
  /** `false` accepts any certificate. */
  readonly rejectUnauthorized: boolean;
  /** Every socket is in here until it is closed, for whoever has to destroy them all. */
  readonly sockets: Set<Socket>;
}

/**
 * A connector for undici whose sockets read into one buffer each, for as long as they live, where Node's own would
 * allocate 64 KiB per read: half the CPU time per received byte. A chunk given to `onResponseData` is therefore valid
 * only until that call returns or, when it pauses the controller, until `resume`. HTTP/1 only.
 */
export function onreadConnector(options: ConnectorOptions): buildConnector.connector {
  const sessions = new Map<string, Buffer>();
  return (target, callback) => {
    const feed = new SocketFeed({ secure: target.protocol === "https:" });
    const socket = open(target, { ...options, onread: feed.onread, sessions });
    feed.attach(socket);
    // Not the `signal` of `net.connect`: Node never takes its listener off again, and that would hold the buffer.
    options.sockets.add(socket);
    socket.once("close", () => options.sockets.delete(socket));
    settleOnce(socket, { target, options, callback });
  };
}

interface OpenOptions extends ConnectorOptions {
  readonly onread: OnReadOpts;
  readonly sessions: Map<string, Buffer>;
}

function open(target: buildConnector.Options, options: OpenOptions): Socket {
  const { onread, sessions, rejectUnauthorized, secureContext } = options;
  const { hostname, servername } = target;
  const secure = target.protocol === "https:";
  const port = Number(target.port || (secure ? 443 : 80));
  const socketOptions = { host: hostname, port, onread, noDelay: true, keepAlive: true };
  if (!secure) return connectTcp(socketOptions);

  const key = `${hostname}:${port}`;
  const session = sessions.get(key);
  return connectTls({
    ...socketOptions,
    rejectUnauthorized,
    ALPNProtocols: ["http/1.1"],
    ...(servername && { servername }),
    ...(secureContext && { secureContext }),
    ...(session && { session }),
  }).on("session", (fresh: Buffer) => remember(sessions, key, fresh));
}

function remember(sessions: Map<string, Buffer>, key: string, session: Buffer): void {
  const [oldest] = sessions.keys();
  if (oldest !== undefined && sessions.size >= MAX_TLS_SESSIONS) sessions.delete(oldest);
  sessions.set(key, session);
}

interface Settling {
  readonly target: buildConnector.Options;
  readonly options: ConnectorOptions;
  readonly callback: buildConnector.Callback;
}

/** Tells undici once, whatever comes first: connected, failed, or too late. */
function settleOnce(socket: Socket, { target, options, callback }: Settling): void {
  const timer = setTimeout(() => {
    socket.destroy(new errors.ConnectTimeoutError(`no connection after ${options.connectTimeoutMs} ms`));
  }, options.connectTimeoutMs);
  const settle = (error?: Error): void => {
    if (pending) {
      pending = false;
      clearTimeout(timer);
      if (error) callback(error, null);
      else callback(null, socket);
    }
  };
  let pending = true;
  socket.once(target.protocol === "https:" ? "secureConnect" : "connect", () => settle());
  socket.on("error", settle);
}

/**
 * Stands between the reused buffer of a socket and undici's parser, which takes bytes with `read`, gives back what it did
 * not parse with `unshift` when it pauses, and otherwise waits for `readable`.
 */
class SocketFeed {
  readonly onread: OnReadOpts;
  /** Read from the socket, not yet taken by the parser. */
  #waiting: Buffer[] = [];
  /** The parser has paused; it gave back the rest, perhaps nothing. */
  #paused = false;
  /** Node was told to stop reading. */
  #stopped = false;
  #socket: Socket | undefined;

  constructor({ secure }: { secure: boolean }) {
    const callback = (byteCount: number, buffer: Uint8Array): boolean => this.#onBytes(byteCount, buffer);
    this.onread = { buffer: secure ? this.#tlsBuffer() : Buffer.allocUnsafeSlow(TCP_BUFFER_BYTES), callback };
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
    this.#stopped = this.#paused || this.#waiting.length > 0;
    return !this.#stopped;
  }

  #read(): Buffer | null {
    this.#paused = false;
    const chunk = this.#waiting.length > 1 ? Buffer.concat(this.#waiting) : this.#waiting[0];
    this.#waiting = [];
    if (chunk) return chunk;
    if (this.#stopped && this.#socket) {
      this.#stopped = false;
      Socket.prototype.read.call(this.#socket, 0); // makes Node read again
    }
    return null;
  }

  #unshift(rest: Buffer): void {
    this.#paused = true;
    if (rest.length > 0) this.#waiting.unshift(rest);
  }
}
