import type { Digest } from "../digest/digest.ts";
import { ErrCanceled, ErrDataLoss } from "../errors/classes.ts";

/** What is on its way, in a form that can be copied to another thread. */
export interface IncomingBytes {
  /** What is being done, and to what: begins the messages. */
  readonly what: string;
  readonly digest: Digest | undefined;
  /** Size of the whole content in bytes. */
  readonly size: number;
  /** Origin of the endpoint that sends, for errors. */
  readonly endpoint: string;
}

/** Where an `Intake` begins, and where the bytes go. */
export interface IntakeParts {
  /** Position in the content of the first byte that is taken. */
  readonly offset: number;
  /** First bytes of what comes that are passed over: a remote that cannot start in the middle sends again what is there. */
  readonly skip: number;
  /** Whether what comes was to end before the content may: more of it tells nothing of the rest. Default false. */
  readonly isPart?: boolean | undefined;
  /** Position behind the last byte that is taken, which may change meanwhile. Default: the size of the content. */
  readonly end?: (() => number) | undefined;
  /** Takes bytes that belong at a position, in order. They may be overwritten once the call returns, or its promise settles. */
  readonly write: (bytes: Uint8Array, at: number) => void | Promise<void>;
  /** Told the position behind the last byte that was written, whenever there are more. */
  readonly onReached: (position: number) => void;
}

/** Takes the bytes of a content, or of a part of it, and of no more than its size. */
export class Intake {
  readonly #incoming: IncomingBytes;
  readonly #parts: IntakeParts;
  #reached: number;
  #skip: number;
  #isTooLong = false;

  constructor(incoming: IncomingBytes, parts: IntakeParts) {
    this.#incoming = incoming;
    this.#parts = parts;
    this.#reached = parts.offset;
    this.#skip = parts.skip;
  }

  /** Position behind the last byte that was taken. */
  get reached(): number {
    return this.#reached;
  }

  /** Whether more has come than there may be: then no byte of it can be trusted. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /**
   * Takes the next bytes. Throws `ErrDataLoss` for the first one behind the content, `ErrCanceled` for the first one behind `end`, which
   * is somebody else's, and what writing throws.
   */
  take(bytes: Uint8Array): void | Promise<void> {
    const fresh = this.#skip > 0 ? bytes.subarray(this.#skip) : bytes;
    this.#skip -= bytes.length - fresh.length;
    const { what, digest, size, endpoint } = this.#incoming;
    if (this.#reached + fresh.length > size && !this.#parts.isPart) {
      this.#isTooLong = true;
      throw new ErrDataLoss(`${what}: got more than the ${size} bytes wanted`, { digest, endpoint });
    }
    const room = Math.max(0, (this.#parts.end?.() ?? size) - this.#reached);
    const wanted = fresh.length <= room ? fresh : fresh.subarray(0, room);
    const taken = wanted.length > 0 ? this.#write(wanted) : undefined;
    if (wanted.length === fresh.length) return taken;
    const enough = new ErrCanceled(`${what}: the bytes behind ${this.#reached} come from elsewhere`);
    if (!taken) throw enough;
    return taken.then(() => {
      throw enough;
    });
  }

  #write(bytes: Uint8Array): void | Promise<void> {
    const at = this.#reached;
    this.#reached += bytes.length;
    const { write, onReached } = this.#parts;
    const taken = write(bytes, at);
    if (taken) return taken.then(() => onReached(at + bytes.length));
    return onReached(at + bytes.length);
  }
}
