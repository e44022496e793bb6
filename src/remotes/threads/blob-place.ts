import { performance } from "node:perf_hooks";
import type { AbortOptions } from "../../async/abort.ts";
import type { HandedFile } from "../../content/store.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import { isDataLoss } from "../../errors/predicates.ts";
import { HERE, type Place } from "../../registry/http/send.ts";
import type { ExchangeThread } from "../../registry/transport/exchange-thread.ts";
import type { IncomingBytes } from "../intake.ts";
import type { Claim } from "../ranges/claim.ts";
import type { RemoteContent } from "../remote.ts";
import { openBlobPlace } from "./open-blob-place.ts";
import type { PlaceOfBlob, Poured, PourInto } from "./poured.ts";

/** How often it is looked how far a blob is, in milliseconds: ten times a second is more than eyes follow. */
const SAMPLE_MS = 100;

/** The same when somebody reads along, who would wait for what is there. */
const FOLLOWED_SAMPLE_MS = 10;

/** Where the file is: in another thread, or in this one. */
interface Home {
  /** What a request names for its answer to come there. */
  readonly address: Place;
  /** For how long its thread has been busy so far, in milliseconds. */
  readonly busyMs: number;
  pour(content: RemoteContent, into: PourInto): Promise<void>;
  close(): Promise<unknown>;
}

/** Who is told how far a blob is. */
export interface PlaceWatcher {
  /** Whether somebody reads along. */
  readonly isFollowed: boolean;
  /** Told how many bytes there are without a hole, and in all, when there are more. */
  readonly onMore: (edge: number, bytes: number) => void;
}

/**
 * The file of an ingest, in another thread or in this one, that is filled by as many pours at the same time as there are claims. Whoever
 * opens it closes it; its writer has the file back then.
 */
export class BlobPlace {
  readonly #what: PlaceOfBlob;
  #home: Home;
  readonly #handed: HandedFile;
  readonly #reached: BigInt64Array;
  #closing: Promise<Poured | undefined> | undefined;

  private constructor(what: PlaceOfBlob, home: Home, handed: HandedFile) {
    this.#what = what;
    this.#home = home;
    this.#handed = handed;
    this.#reached = new BigInt64Array(what.reached);
  }

  /**
   * Rejects with what the thread says of the file, a retryable `ErrUnavailable` when it is dead, and the abort error.
   *
   * @param thread where it is opened; `undefined`: in this one
   */
  static async open(
    thread: ExchangeThread | undefined,
    handed: HandedFile,
    { signal, ...incoming }: IncomingBytes & AbortOptions,
  ): Promise<BlobPlace> {
    const reached = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
    const { path, algorithm, isTimed } = handed;
    const what: PlaceOfBlob = { file: { path, algorithm, isTimed }, incoming, reached };
    try {
      const home = await (thread ? openThere(thread, what, { signal }) : openHere(what, { signal }));
      return new BlobPlace(what, home, handed);
    } catch (error) {
      handed.takeBack(undefined);
      throw error;
    }
  }

  /** What a request names for its answer to come here. */
  get address(): Place {
    return this.#home.address;
  }

  /** For how long the thread that it is in has been busy so far, in milliseconds. */
  get busyMs(): number {
    return this.#home.busyMs;
  }

  /** Bytes that there are without a hole, from the first one on: what others may read. */
  get edge(): number {
    return Number(Atomics.load(this.#reached, 0));
  }

  /** All bytes that there are. */
  get bytes(): number {
    return Number(Atomics.load(this.#reached, 1));
  }

  /** Whether content can be poured here: the file must be where the content comes. */
  takes(content: RemoteContent): boolean {
    return this.#home.address === HERE || content.pour !== undefined;
  }

  /** Takes the file into this thread; no pour may be under way. Rejects as `open` does. */
  async moveHere(options: AbortOptions): Promise<void> {
    await this.#home.close();
    this.#home = await openHere(this.#what, options);
  }

  /**
   * Pours content: what follows its first `skip` bytes belongs at the start of `claim`. Several may be under way at the same time. How
   * far it is, is in the claim, whose end may be moved meanwhile; when that is reached before the content's, the connection is closed.
   * Resolves when the content has ended, or all that is claimed has come; then nothing more is written. Rejects as `pour` or `pipeTo` of
   * the content do, and with `ErrDataLoss` for content that is longer than it may be.
   */
  async pour(content: RemoteContent, claim: Claim, skip: number): Promise<void> {
    try {
      await this.#home.pour(content, { skip, isPart: content.end !== undefined, claim: claim.memory });
    } catch (error) {
      if (claim.left > 0 || isDataLoss(error)) throw error;
    }
  }

  /** Tells from time to time how far it is, until the function is called that is returned, which tells it for the last time. */
  watch({ isFollowed, onMore }: PlaceWatcher): () => void {
    let told = this.bytes;
    const tell = (): void => {
      const { edge, bytes } = this;
      if (bytes > told) onMore(edge, bytes);
      told = bytes;
    };
    const timer = setInterval(tell, isFollowed ? FOLLOWED_SAMPLE_MS : SAMPLE_MS);
    return () => {
      clearInterval(timer);
      tell();
    };
  }

  /**
   * Gives the file back to its writer; no pour may be under way. What has become of it; `undefined` when the thread is dead and nobody can
   * tell. Where all bytes are there, the hash is waited for. Throws the classes of `diskError`.
   */
  async close(): Promise<Poured | undefined> {
    this.#closing ??= this.#close();
    return await this.#closing;
  }

  async #close(): Promise<Poured | undefined> {
    const poured = (await this.#home.close().catch((error: unknown) => {
      if (!(error instanceof ErrUnavailable)) throw error;
    })) as Poured | undefined;
    this.#handed.takeBack(poured);
    return poured;
  }
}

async function openThere(thread: ExchangeThread, what: PlaceOfBlob, options: AbortOptions): Promise<Home> {
  const place = await thread.open(what, options);
  return {
    address: place,
    get busyMs() {
      return place.busyMs;
    },
    pour: async (content, into) => await content.pour?.(into),
    close: () => place.close(),
  };
}

async function openHere(what: PlaceOfBlob, options: AbortOptions): Promise<Home> {
  const place = await openBlobPlace(what, options);
  return {
    address: HERE,
    get busyMs() {
      return performance.eventLoopUtilization().active;
    },
    pour: (content, into) => content.pipeTo(place.sink(into)),
    close: () => place.close(),
  };
}
