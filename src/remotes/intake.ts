import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { ByteSink } from "./remote.ts";

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
  /** Bytes that are there already. */
  readonly offset: number;
  /** First bytes of what comes that are passed over: a remote that cannot start in the middle sends again what is there. */
  readonly skip: number;
  readonly write: ByteSink;
  /** Told how many bytes of the whole there are, whenever there are more. */
  readonly onReached: (bytes: number) => void;
}

/** Takes the bytes of a content, and of no more than its size. */
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

  /** Bytes of the whole that there are. */
  get reached(): number {
    return this.#reached;
  }

  /** Whether more has come than there may be: then no byte of it can be trusted. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** Takes the next bytes. Throws `ErrDataLoss` for the first one too many, and what writing throws. */
  take(bytes: Uint8Array): void | Promise<void> {
    const fresh = this.#skip > 0 ? bytes.subarray(this.#skip) : bytes;
    this.#skip -= bytes.length - fresh.length;
    const { what, digest, size, endpoint } = this.#incoming;
    if (this.#reached + fresh.length > size) {
      this.#isTooLong = true;
      throw new ErrDataLoss(`${what}: got more than the ${size} bytes wanted`, { digest, endpoint });
    }
    if (fresh.length === 0) return undefined;
    this.#reached += fresh.length;
    const taken = this.#parts.write(fresh);
    this.#parts.onReached(this.#reached);
    return taken;
  }
}
