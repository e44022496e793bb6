import type { AbortOptions } from "../../async/abort.ts";
import type { HandedFile } from "../../content/store.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import type { Place } from "../../registry/http/send.ts";
import type { ExchangeThread } from "../../registry/transport/exchange-thread.ts";
import type { ThreadPlace } from "../../registry/transport/thread-place.ts";
import type { IncomingBytes } from "../intake.ts";
import type { RemoteContent } from "../remote.ts";
import type { PlaceOfBlob, Poured } from "./poured.ts";

/** How often it is looked how far a blob is, in milliseconds: ten times a second is more than eyes follow. */
const SAMPLE_MS = 100;

/** The same when somebody reads along, who would wait for what is there. */
const FOLLOWED_SAMPLE_MS = 10;

/** The file of an ingest in another thread. Whoever opens it closes it; its writer has the file back then. */
export class BlobPlace {
  readonly #place: ThreadPlace;
  readonly #handed: HandedFile;
  readonly #reached: BigInt64Array;
  #closing: Promise<Poured | undefined> | undefined;

  private constructor(place: ThreadPlace, handed: HandedFile, reached: SharedArrayBuffer) {
    this.#place = place;
    this.#handed = handed;
    this.#reached = new BigInt64Array(reached);
  }

  /** Rejects with what the thread says of the file, a retryable `ErrUnavailable` when it is dead, and the abort error. */
  static async open(
    thread: ExchangeThread,
    handed: HandedFile,
    { signal, ...incoming }: IncomingBytes & AbortOptions,
  ): Promise<BlobPlace> {
    const reached = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
    const { path, algorithm, offset } = handed;
    Atomics.store(new BigInt64Array(reached), 0, BigInt(offset));
    const what: PlaceOfBlob = { file: { path, algorithm }, incoming, reached };
    try {
      return new BlobPlace(await thread.open(what, { signal }), handed, reached);
    } catch (error) {
      handed.takeBack(undefined);
      throw error;
    }
  }

  /** What a request names for its answer to come here. */
  get address(): Place {
    return this.#place;
  }

  /** Pours content, and tells from time to time how far it is. Rejects as `pour` of the content does. */
  async pour(
    content: RemoteContent,
    {
      skip,
      isFollowed,
      onReached,
    }: {
      readonly skip: number;
      readonly isFollowed: boolean;
      readonly onReached: (bytes: number) => void;
    },
  ): Promise<void> {
    let told = Number(this.#reached[0]);
    const tell = (): void => {
      const reached = Number(Atomics.load(this.#reached, 0));
      if (reached > told) onReached(reached);
      told = reached;
    };
    const timer = setInterval(tell, isFollowed ? FOLLOWED_SAMPLE_MS : SAMPLE_MS);
    try {
      await content.pour?.(skip);
    } finally {
      clearInterval(timer);
      tell();
    }
  }

  /**
   * Gives the file back to its writer. What has become of it; `undefined` when the thread is dead and nobody can tell. Throws the
   * classes of `diskError`.
   */
  async close(): Promise<Poured | undefined> {
    this.#closing ??= this.#close();
    return await this.#closing;
  }

  async #close(): Promise<Poured | undefined> {
    const poured = (await this.#place.close().catch((error: unknown) => {
      if (!(error instanceof ErrUnavailable)) throw error;
    })) as Poured | undefined;
    this.#handed.takeBack(poured);
    return poured;
  }
}
