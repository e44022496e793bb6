import type { MessageInitShape } from "@bufbuild/protobuf";
import { anySignal } from "../../async/abort.ts";
import type { BackoffPolicy } from "../../async/backoff.ts";
import { retry } from "../../async/retry.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import { isUnavailable } from "../../errors/predicates.ts";
import type { WriterOptions } from "../store.ts";
import { repeating } from "./client/repeating.ts";
import { WriteAction, type WriteContentRequestSchema, type WriteContentResponse } from "./content_pb.ts";
import { fromTimestamp } from "./content-messages.ts";
import type { ServiceClient } from "./service-client.ts";
import { WriteStream } from "./write-stream.ts";

/** What is asked of the service; the ref is told when the stream is opened. */
export type IngestRequest = Omit<MessageInitShape<typeof WriteContentRequestSchema>, "$typeName" | "ref">;

/** How often an ingest is opened again for one request, and how long is waited in between for whoever has the ref. */
const REOPEN: BackoffPolicy = {
  maxAttempts: 5,
  baseMs: 64,
  maxMs: 1_024,
  maxRetryAfterMs: 0,
  random: Math.random,
};

/** The ingest is another one than the one that was left, or stands elsewhere. */
const MOVED = Symbol("moved");

/** All of a request was done before the service went away. */
const NOTHING = Symbol("nothing");

/**
 * The `Write` calls of one writer, one after the other: when the connection breaks or the service goes away, the next
 * call goes on where the service says that the ingest stands. Requests are made one at a time.
 */
export class IngestStream {
  readonly #client: ServiceClient;
  readonly #options: WriterOptions;
  readonly #turn = new Semaphore(1);
  readonly #closing = new AbortController();
  #stream: WriteStream;
  /** Where the ingest stood when it was opened. */
  readonly first: WriteContentResponse;

  private constructor(client: ServiceClient, options: WriterOptions, { stream, standing }: Opened) {
    this.#client = client;
    this.#options = options;
    this.#stream = stream;
    this.first = standing;
  }

  /** Opens the ingest and learns where it stands. Throws what the service throws. */
  static async open(client: ServiceClient, options: WriterOptions): Promise<IngestStream> {
    return new IngestStream(client, options, await repeating(() => open(client, options)));
  }

  /**
   * Does what a request asks for; its data may be reused then. Throws what the service throws, and `ErrUnavailable`
   * when it has gone away for long or the ingest is not where it was left: then a new writer may go on with it.
   */
  async exchange(request: IngestRequest): Promise<WriteContentResponse> {
    return await this.#ask(request, (signal) => this.#goOn(request, signal));
  }

  /** The same for a commit. Gives nothing when the service went away and `isDone` says afterwards that the commit was done. */
  async commit(
    request: IngestRequest,
    isDone: () => Promise<boolean>,
  ): Promise<WriteContentResponse | undefined> {
    return await this.#ask(request, async (signal) =>
      (await isDone()) ? undefined : await this.#goOn(request, signal),
    );
  }

  /** Ends the call when all requests are answered, and with it the hold on the ref. One that was lost has ended. */
  async end(): Promise<void> {
    this.#closing.abort();
    const release = await this.#turn.acquire();
    try {
      await this.#stream.end();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    } finally {
      release();
    }
  }

  /** @param again asks once more, after the service was away */
  async #ask<T>(
    request: IngestRequest,
    again: (signal: AbortSignal) => Promise<T | typeof MOVED>,
  ): Promise<T | WriteContentResponse> {
    const release = await this.#turn.acquire();
    try {
      return await this.#stream.exchange(request);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      const signal = anySignal(this.#closing.signal, this.#options.signal);
      const result = await retry(() => again(signal), { policy: REOPEN, signal }).catch(
        (failure: unknown) => {
          throw signal.aborted ? error : failure; // nobody waits for it any more
        },
      );
      if (result === MOVED) throw this.#movedError(error);
      return result;
    } finally {
      release();
    }
  }

  async #goOn(request: IngestRequest, signal: AbortSignal): Promise<WriteContentResponse | typeof MOVED> {
    const { stream, standing } = await open(this.#client, { ...this.#options, signal });
    this.#stream = stream;
    const isSame = startOf(standing) === startOf(this.first);
    const rest = isSame ? restOf(request, standing) : MOVED;
    if (rest === MOVED) return MOVED;
    return rest === NOTHING ? standing : await stream.exchange(rest);
  }

  #movedError(cause: unknown): ErrUnavailable {
    const { ref, expected } = this.#options;
    const words = `write ref ${ref}: the ingest is not where it was left when the service went away`;
    return new ErrUnavailable(words, { cause, digest: expected });
  }
}

interface Opened {
  readonly stream: WriteStream;
  readonly standing: WriteContentResponse;
}

async function open(
  client: ServiceClient,
  { ref, size = 0, expected, signal }: WriterOptions,
): Promise<Opened> {
  const stream = await WriteStream.open(client, ref, { signal });
  const hints = { total: BigInt(size), expected: expected ?? "" };
  const standing = await stream.exchange({ action: WriteAction.STAT, ref, ...hints }, { signal });
  return { stream, standing };
}

function startOf({ startedAt }: WriteContentResponse): bigint {
  return fromTimestamp(startedAt);
}

/** What is left to ask of an ingest that stands there. */
function restOf(
  request: IngestRequest,
  { offset: at }: WriteContentResponse,
): IngestRequest | typeof NOTHING | typeof MOVED {
  const { action, offset = 0n, data = new Uint8Array() } = request;
  if (action === WriteAction.STAT) return NOTHING;
  if (action === WriteAction.COMMIT) return at === offset ? request : MOVED;
  if (data.byteLength === 0 && offset === 0n) return at === 0n ? NOTHING : request; // it makes the ingest start over
  const taken = Number(at - offset);
  if (taken < 0 || taken > data.byteLength) return MOVED;
  return taken === data.byteLength ? NOTHING : { ...request, offset: at, data: data.subarray(taken) };
}
