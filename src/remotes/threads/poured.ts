import type { FileToFill, Filled } from "../../content/local/parted-sink.ts";
import type { IncomingBytes } from "../intake.ts";

/** What a thread is told of a place: the file of an ingest, and what is to come into it. */
export interface PlaceOfBlob {
  readonly file: FileToFill;
  readonly incoming: IncomingBytes;
  /** Two `BigInt64` in which the thread stores how far the content is there without a hole, and how many bytes there are in all. */
  readonly reached: SharedArrayBuffer;
}

/** Which bytes of a content that comes belong where in the file. */
export interface PourInto {
  /** First bytes of the content that comes which are passed over. */
  readonly skip: number;
  /** Whether what comes is a part, and ends where the claim did when it was asked for. */
  readonly isPart: boolean;
  /** Memory of a `Claim`: what comes then belongs at its start, and up to its end. */
  readonly claim: SharedArrayBuffer;
}

/** What has become of the file. */
export interface Poured extends Filled {
  /** All bytes in it. */
  readonly bytes: number;
  /** Whether more has come than there may be. */
  readonly isTooLong: boolean;
}
