import type { FileToAppend } from "../../content/local/open-file-sink.ts";
import type { Digest } from "../../digest/digest.ts";
import type { IncomingBytes } from "../intake.ts";

/** What a thread is told of a place: the file of an ingest, and what is to come into it. */
export interface PlaceOfBlob {
  readonly file: FileToAppend;
  readonly incoming: IncomingBytes;
  /** One `BigInt64` in which the thread stores how many bytes of the whole there are. */
  readonly reached: SharedArrayBuffer;
}

/** What has become of the file. */
export interface Poured {
  /** Bytes in it. */
  readonly offset: number;
  /** Of all of them. */
  readonly digest: Digest;
  /** Whether more has come than there may be. */
  readonly isTooLong: boolean;
}
