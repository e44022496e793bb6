import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import type { Writer } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { Arriving } from "./arriving.ts";
import { Intake } from "./intake.ts";
import { Claim } from "./ranges/claim.ts";
import type { RemoteContent } from "./remote.ts";
import type { BlobPlace } from "./threads/blob-place.ts";

/** Bytes on their way into an ingest. */
export interface Receiving {
  /** What is being done, and to what: begins the messages. */
  readonly what: string;
  readonly digest?: Digest | undefined;
  /** Size of the whole content in bytes. */
  readonly size: number;
  /** Whether the content may be shorter, because nobody said how long it is. Default false. */
  readonly isLimit?: boolean | undefined;
  readonly writer: Writer;
  /** Bytes that are in the ingest already. */
  readonly offset: number;
}

/** Who sends them, and who is told. */
export interface ReceiveContext extends AbortOptions {
  /** Origin of the endpoint that sends, for errors. */
  readonly endpoint: string;
  /** Where the content is poured if it comes there, instead of being piped; closed by the end, or before the pipe begins. */
  readonly place?: BlobPlace | undefined;
  /** Notes how far it is. */
  readonly arriving: Arriving;
  /** Called with the bytes on disk, of the whole content, whenever there are more. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Appends what comes to the ingest, up to the size of the content: not a byte more is written. Throws `ErrDataLoss` for too
 * many bytes, of which none is kept, and a retryable one for too few, which are kept; and what the content and the writer throw.
 */
export async function receive(
  content: RemoteContent,
  receiving: Receiving,
  context: ReceiveContext,
): Promise<void> {
  const { what, digest, size, isLimit = false, writer, offset } = receiving;
  const { endpoint, signal, arriving, onBytes } = context;
  onBytes?.(offset);
  const { failure, reached, isTooLong } = await (context.place && content.pour
    ? pour(content, context.place, receiving, context)
    : pipe(content, receiving, context));
  if (isTooLong) {
    arriving.dropped();
    await writer.truncate(0); // of a body that is too long no byte can be trusted
  }
  if (failure) throw failure.error;
  throwIfAborted(signal);
  if (reached < size && !isLimit) {
    const message = `${what}: got ${reached} bytes, wanted ${size}`;
    throw new ErrDataLoss(message, { digest, endpoint, retryable: true });
  }
}

/** How receiving has ended. */
interface Received {
  /** Bytes of the whole that there are. */
  readonly reached: number;
  readonly isTooLong: boolean;
  readonly failure: { readonly error: unknown } | undefined;
}

async function pipe(
  content: RemoteContent,
  { what, digest, size, writer, offset }: Receiving,
  { endpoint, place, arriving, onBytes }: ReceiveContext,
): Promise<Received> {
  await place?.close(); // it does not come there
  const intake = new Intake(
    { what, digest, size, endpoint },
    {
      offset,
      skip: offset - content.offset,
      write: (bytes) => writer.write(bytes),
      onReached: (bytes) => {
        arriving.reached(bytes);
        onBytes?.(bytes);
      },
    },
  );
  const failure = await failureOf(content.pipeTo((bytes) => intake.take(bytes)));
  return { reached: intake.reached, isTooLong: intake.isTooLong, failure };
}

/** The same in the thread that has the file. When it dies, what is on the disk stays for the next attempt. */
async function pour(
  content: RemoteContent,
  place: BlobPlace,
  { offset, size }: Receiving,
  { arriving, onBytes }: ReceiveContext,
): Promise<Received> {
  const stop = place.watch({
    isFollowed: arriving.isFollowed,
    onMore: (edge) => {
      arriving.reached(edge);
      onBytes?.(edge);
    },
  });
  const failure = await failureOf(place.pour(content, Claim.of(offset, size), offset - content.offset));
  stop();
  const poured = await place.close();
  return { reached: poured?.offset ?? offset, isTooLong: poured?.isTooLong === true, failure };
}

async function failureOf(work: Promise<void>): Promise<Received["failure"]> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return { error };
  }
}
