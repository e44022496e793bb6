import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import type { Waiter } from "../async/waiting.ts";
import type { HandedFile, Writer } from "../content/store.ts";
import { ErrDataLoss } from "../errors/classes.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { ExchangeThread } from "../registry/transport/exchange-thread.ts";
import type { Arriving } from "./arriving.ts";
import { fetchInRanges } from "./ranges/range-fetch.ts";
import type { RangeSource } from "./ranges/range-sources.ts";
import type { Ranges } from "./ranges/ranges.ts";
import type { Fetcher } from "./remote.ts";
import { BlobPlace } from "./threads/blob-place.ts";

/** A content that comes in ranges, and the file that it comes into. */
export interface ReceivingRanges {
  readonly descriptor: Descriptor;
  readonly writer: Writer;
  /** The file of `writer`. */
  readonly handed: HandedFile;
}

/** Who sends it, where it is received, and who is told. */
export interface ReceiveRangesContext extends AbortOptions {
  readonly fetcher: Fetcher;
  /** Origin of the endpoint behind `fetcher`, for errors. */
  readonly endpoint: string;
  readonly ranges: Ranges;
  /** Where the file is filled; `undefined`: in this thread. */
  readonly thread: ExchangeThread | undefined;
  readonly waiter?: Waiter | undefined;
  /** Opens other endpoints that may have it as well. */
  readonly beside?: (() => Promise<readonly RangeSource[]>) | undefined;
  /** For how long limits of bandwidth have held it back so far, in milliseconds. */
  readonly heldMs?: (() => number) | undefined;
  /** Notes how far it is. */
  readonly arriving: Arriving;
  /** Called with the bytes on disk, of the whole content, whenever there are more. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** How it came. */
export interface BroughtInRanges {
  /** Whether it came in several answers, of this attempt or of earlier ones. */
  readonly isPieced: boolean;
  /** Endpoints of which some of it came, beside the one that was asked. */
  readonly helpers: ReadonlySet<string>;
  /** Says that its bytes were wrong, see `RemoteContent`. */
  readonly doubt?: (() => void) | undefined;
}

/**
 * Fills the file of an ingest with what is missing, in ranges where that helps. Whatever has come stays for the next attempt, except of a
 * body that is too long: of that no byte can be trusted. Throws what `fetchInRanges` and the file throw, and `ErrDataLoss` for such a body.
 */
export async function receiveInRanges(
  { descriptor, writer, handed }: ReceivingRanges,
  context: ReceiveRangesContext,
): Promise<BroughtInRanges> {
  const { digest, size } = descriptor;
  const { fetcher, endpoint, ranges, thread, signal, waiter, arriving, onBytes } = context;
  const there = [{ from: 0, to: handed.offset }, ...handed.parts];
  const place = await BlobPlace.open(thread, handed, {
    what: `fetch ${digest}`,
    digest,
    size,
    endpoint,
    signal,
  });
  using share = ranges.take();
  arriving.begins(place.bytes);
  onBytes?.(place.bytes);
  const isResumed = place.bytes > 0;
  const stop = place.watch({
    isFollowed: arriving.isFollowed,
    onMore: (edge, bytes) => {
      arriving.reached(edge, bytes);
      onBytes?.(bytes);
    },
  });
  const work = { descriptor, there, place, source: { fetcher, endpoint }, beside: context.beside };
  const helpers = new Set<string>();
  const onBeside = (helper: string, bytes: number): void => {
    helpers.add(helper);
    arriving.cameFrom(helper, bytes);
  };
  const { heldMs } = context;
  const fetching = fetchInRanges(work, { ranges, share, signal, waiter, heldMs, onBeside });
  const [brought] = await Promise.allSettled([fetching]);
  stop();
  const poured = await place.close();
  if (poured?.isTooLong) {
    arriving.dropped();
    await writer.truncate(0);
  }
  throwIfAborted(signal);
  if (brought.status === "rejected") throw brought.reason;
  const isPieced = isResumed || brought.value.requests > 1;
  if (!poured?.isTooLong) return { isPieced, helpers };
  // It was all there when more came, of whom is not known: once more in one stream, if it has not been that.
  for (const helper of helpers) ranges.refuse(helper);
  ranges.refuse(endpoint, digest);
  const message = `fetch ${digest}: got more than the ${size} bytes wanted`;
  throw new ErrDataLoss(message, { digest, endpoint, retryable: isPieced });
}
