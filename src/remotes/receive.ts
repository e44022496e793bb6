import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import type { Writer } from "../content/store.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { Arriving } from "./arriving.ts";
import type { RemoteContent } from "./remote.ts";

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
  { what, digest, size, isLimit = false, writer, offset }: Receiving,
  { endpoint, signal, arriving, onBytes }: ReceiveContext,
): Promise<void> {
  onBytes?.(offset);
  let tooMany: ErrDataLoss | undefined;
  let written = offset;
  let skip = offset - content.offset; // a remote that cannot start in the middle sends again what we have
  const piped = content.pipeTo((bytes) => {
    const fresh = skip > 0 ? bytes.subarray(skip) : bytes;
    skip -= bytes.length - fresh.length;
    if (written + fresh.length > size) {
      tooMany = new ErrDataLoss(`${what}: got more than the ${size} bytes wanted`, { digest, endpoint });
      throw tooMany;
    }
    if (fresh.length === 0) return undefined;
    written += fresh.length;
    const taken = writer.write(fresh);
    arriving.reached(written);
    onBytes?.(written);
    return taken;
  });
  try {
    await piped;
  } catch (error) {
    if (!tooMany || error !== tooMany) throw error;
    arriving.dropped();
    await writer.truncate(0); // of a body that is too long no byte can be trusted
    throw error;
  }
  throwIfAborted(signal);
  if (written < size && !isLimit) {
    const message = `${what}: got ${written} bytes, wanted ${size}`;
    throw new ErrDataLoss(message, { digest, endpoint, retryable: true });
  }
}
