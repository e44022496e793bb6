import type { Waiter } from "../async/waiting.ts";
import type { Flow } from "../bandwidth/flow.ts";
import { watchFlow } from "../bandwidth/watched-flow.ts";
import { openWriter } from "../content/open-writer.ts";
import type {
  InfoProvider,
  Ingester,
  IngestManager,
  Writer,
  WriterOptions,
  WriteTimes,
} from "../content/store.ts";
import { unlessExists } from "../content/unless-exists.ts";
import { unlessNotFound } from "../content/unless-not-found.ts";
import { algorithmOf, digestOf } from "../digest/digest.ts";
import { ErrDataLoss, ErrFailedPrecondition, ErrNotImplemented } from "../errors/classes.ts";
import { findError, isAlreadyExists, isFailedPrecondition } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isConfigType, isIndexType, isManifestType, isSchema1Type } from "../oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../oci/parse-document.ts";
import { MAX_CONFIG_BYTES } from "../oci/parse-image-config.ts";
import type { ExchangeThread } from "../registry/transport/exchange-thread.ts";
import { type ArrivalListener, type Arriving, type GrowthListener, whileArriving } from "./arriving.ts";
import type { RangeSource } from "./ranges/range-sources.ts";
import type { Ranges } from "./ranges/ranges.ts";
import { receive } from "./receive.ts";
import { type BroughtInRanges, receiveInRanges } from "./receive-in-ranges.ts";
import { makeRefKey } from "./ref-key.ts";
import type { Fetcher } from "./remote.ts";
import { BlobPlace } from "./threads/blob-place.ts";
import type { TransferThreads } from "./threads/transfer-threads.ts";

/** Where content is brought to. */
export type FetchTarget = Ingester & Pick<IngestManager, "abort"> & InfoProvider;

/** Where a fetch reads and writes, and whom it tells. */
export interface FetchContext {
  readonly fetcher: Fetcher;
  readonly ingester: FetchTarget;
  /** Origin of the endpoint behind `fetcher`, for errors. */
  readonly endpoint: string;
  readonly signal?: AbortSignal | undefined;
  /**
   * Waits while another writer has the content, or a token server is slow. Default: one that gives nothing back and
   * shows nothing.
   */
  readonly waiter?: Waiter | undefined;
  /** Where it is added up for how long its bytes are hashed and written as they come. Default: nobody measures. */
  readonly times?: WriteTimes | undefined;
  /** Called with the bytes on disk, of the whole content, whenever there are more. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Called when all bytes are there and are about to be verified. */
  readonly onVerify?: (() => void) | undefined;
  /** Told how much of the content came by this call. */
  readonly onArrival?: ArrivalListener | undefined;
  /** How fast it may come. Default: as fast as it does. */
  readonly flow?: Flow | undefined;
  /** How fast it may come from another endpoint (`beside`), by its origin. Default: what of it comes from there passes `flow`. */
  readonly flowBeside?: ((endpoint: string) => Flow) | undefined;
  /** Threads that content may be received in. Default: none. */
  readonly threads?: TransferThreads | undefined;
  /** How large content comes in ranges. Default: it comes in one stream. */
  readonly ranges?: Ranges | undefined;
  /** Opens other endpoints that may have the content as well, for ranges of it. Default: there are none. */
  readonly beside?: (() => Promise<readonly RangeSource[]>) | undefined;
  /** Told of the file that the content grows in, if it is in one, so that others can read along. */
  readonly growth?: GrowthListener | undefined;
}

/**
 * Brings the content of a descriptor into the store: one attempt, resumed from what is on disk, verified by size and digest,
 * committed (containerd `remotes.Fetch`). Content that is there already costs nothing; a writer elsewhere, in this
 * process or another, is waited for. A broken connection leaves the bytes for the next attempt, of any source; wrong
 * bytes are thrown away. Returns whether anything was fetched.
 *
 * Throws `ErrNotImplemented` (schema 1), `ErrFailedPrecondition` (oversized manifest or config), `ErrDataLoss` (wrong, too many
 * or too few bytes), the errors of the fetcher, and `ErrResourceExhausted` and its like from the disk. What the endpoint is
 * to blame for names it.
 */
export async function fetchContent(descriptor: Descriptor, context: FetchContext): Promise<boolean> {
  refuseUnfetchable(descriptor, context.endpoint);
  using share = context.threads?.take(descriptor.size);
  const thread = share?.thread;
  const unread = thread !== undefined || mayBeRanged(descriptor, context);
  const writer = await openUnlessExists(descriptor, { ...context, unread });
  if (!writer) return false;
  await using _ = writer; // commit closes it as well; this is for the ways out before

  const offset = await usableOffset(writer, descriptor);
  const growth = writer.path === undefined ? undefined : context.growth;
  if (writer.path !== undefined) growth?.begins({ path: writer.path, size: descriptor.size, bytes: offset });
  await whileArriving(offset, { onArrival: context.onArrival, growth }, (arriving) =>
    bring({ descriptor, writer, offset, arriving, thread }, context),
  );
  return true;
}

/** Content on its way into the store. */
interface Incoming {
  readonly descriptor: Descriptor;
  readonly writer: Writer;
  /** Bytes that were on disk before. */
  readonly offset: number;
  readonly arriving: Arriving;
  /** Where it is best received. */
  readonly thread: ExchangeThread | undefined;
}

async function bring(incoming: Incoming, context: FetchContext): Promise<void> {
  const { descriptor, offset } = incoming;
  const body = embeddedContent(descriptor);
  let brought: BroughtInRanges = { isPieced: offset > 0, helpers: new Set() };
  if (body) await writeEmbedded(incoming, body);
  else if (offset < descriptor.size) brought = await fetchRest(incoming, context);
  context.onVerify?.();
  await commit({ ...incoming, ...brought }, context);
}

/** Whether content is worth more than one stream, and may come in several. */
function mayBeRanged({ size }: Descriptor, { ranges, fetcher }: FetchContext): boolean {
  return ranges !== undefined && size >= ranges.fromBytes && fetcher.fetchPart !== undefined;
}

/** Size and type are the word of an endpoint, and another one may say better. */
function refuseUnfetchable({ mediaType, digest, size }: Descriptor, endpoint: string): void {
  if (isSchema1Type(mediaType)) {
    const message = `fetch ${digest}: ${mediaType} (docker schema 1) is not supported`;
    throw new ErrNotImplemented(message, { digest, endpoint });
  }
  const document = boundedDocument(mediaType);
  if (document && size > document.maxBytes) {
    const sizes = `got a ${document.what} of ${size} bytes, wanted at most ${document.maxBytes}`;
    throw new ErrFailedPrecondition(`fetch ${digest}: ${sizes}`, { digest, endpoint });
  }
}

/** What is read into memory whole, now or later, and how much of it. */
function boundedDocument(mediaType: string): { what: string; maxBytes: number } | undefined {
  if (isManifestType(mediaType) || isIndexType(mediaType)) {
    return { what: "manifest", maxBytes: MAX_MANIFEST_BYTES };
  }
  return isConfigType(mediaType) ? { what: "config", maxBytes: MAX_CONFIG_BYTES } : undefined;
}

async function openUnlessExists(
  descriptor: Descriptor,
  context: FetchContext & Pick<WriterOptions, "unread">,
): Promise<Writer | undefined> {
  const opening = openWriter(context.ingester, {
    ref: makeRefKey(descriptor),
    size: descriptor.size,
    expected: descriptor.digest,
    unread: context.unread,
    brief: true,
    times: context.times,
    signal: context.signal,
    waiter: context.waiter,
  });
  const writer = await unlessExists(opening);
  if (!writer) await assertSize(descriptor, context);
  return writer;
}

/** The bytes to go on behind. More of them than the content may have are the start of something else. */
async function usableOffset(writer: Writer, { size }: Descriptor): Promise<number> {
  const { offset } = await writer.status();
  if (offset <= size) return offset;
  await writer.truncate(0);
  return 0;
}

/** The bytes of a digest have one length: of a descriptor that says another, no endpoint could bring what it promises. */
async function assertSize({ digest, size }: Descriptor, context: FetchContext): Promise<void> {
  const { ingester, endpoint, signal } = context;
  const found = await unlessNotFound(ingester.info(digest, { signal }));
  if (found === undefined || found.size === size) return;
  const sizes = `the store has ${found.size} bytes of that digest, the descriptor says ${size}`;
  throw new ErrDataLoss(`fetch ${digest}: ${sizes}`, { digest, endpoint });
}

/** What the descriptor brings along, if it is what it claims to be (OCI image-spec, descriptor.md "data"). */
function embeddedContent({ data, size, digest }: Descriptor): Uint8Array | undefined {
  if (data === undefined) return undefined;
  const bytes = Buffer.from(data, "base64");
  const matches = bytes.length === size && digestOf(bytes, algorithmOf(digest)) === digest;
  return matches ? bytes : undefined;
}

async function writeEmbedded({ writer, arriving }: Incoming, bytes: Uint8Array): Promise<void> {
  await writer.truncate(0);
  arriving.dropped();
  await writer.write(bytes);
  arriving.reached(bytes.length);
}

async function fetchRest(incoming: Incoming, context: FetchContext): Promise<BroughtInRanges> {
  const { descriptor, writer, offset, arriving, thread } = incoming;
  const { digest, size } = descriptor;
  const { endpoint, signal, onBytes, waiter, ranges } = context;
  const isRanged = mayBeRanged(descriptor, context);
  const watched = isRanged && context.flow ? watchFlow(context.flow) : undefined;
  const fetcher = fetcherOf({ fetcher: context.fetcher, flow: watched?.flow ?? context.flow });
  const handed = thread || isRanged ? writer.handOver?.() : undefined;
  if (handed && ranges && isRanged) {
    const beside = context.beside && (() => besideOf(context));
    const heldMs = (): number => watched?.heldMs ?? 0;
    const receiving = {
      fetcher,
      endpoint,
      signal,
      waiter,
      ranges,
      beside,
      heldMs,
      thread,
      arriving,
      onBytes,
    };
    return await receiveInRanges({ descriptor, writer, handed }, receiving);
  }
  const what = `fetch ${digest}`;
  const place =
    thread && handed && (await BlobPlace.open(thread, handed, { what, digest, size, endpoint, signal }));
  try {
    const content = await fetcher.fetch(descriptor, { offset, place: place?.address, signal, waiter });
    const receiving = { what, digest, size, writer, offset };
    await receive(content, receiving, { endpoint, signal, arriving, onBytes, place });
    return { isPieced: offset > 0, helpers: new Set(), doubt: content.doubt };
  } finally {
    await place?.close();
  }
}

/** The other endpoints, each with its own limit. */
async function besideOf({ beside, flow, flowBeside }: FetchContext): Promise<readonly RangeSource[]> {
  const sources = (await beside?.()) ?? [];
  return sources.map(({ fetcher, endpoint }) => {
    return { endpoint, fetcher: fetcherOf({ fetcher, flow: flowBeside?.(endpoint) ?? flow }) };
  });
}

/** All answers pass one flow. A refusal is about the content, not about the image that it belongs to: its errors name it. */
function fetcherOf({ fetcher, flow }: Pick<FetchContext, "fetcher" | "flow">): Fetcher {
  return {
    fetch: (descriptor, options) =>
      telling(descriptor, () => fetcher.fetch(descriptor, { ...options, flow })),
    async fetchPart(descriptor, options) {
      return await telling(
        descriptor,
        async () => await fetcher.fetchPart?.(descriptor, { ...options, flow }),
      );
    },
  };
}

async function telling<T>({ digest }: Descriptor, fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    const found = findError(error);
    if (found?.httpStatus === undefined || found.digest !== undefined) throw error;
    const message = found.message.includes(digest) ? found.message : `fetch ${digest}: ${found.message}`;
    throw withMessage(found, message, { digest });
  }
}

async function commit(
  { descriptor, writer, isPieced, helpers, doubt, arriving }: Incoming & BroughtInRanges,
  { ingester, endpoint, ranges }: FetchContext,
): Promise<void> {
  const { digest, size } = descriptor;
  // Of several pieces any may be the wrong one: once more from the start, like moby after a resume, and in one piece.
  const details = { digest, endpoint, retryable: isPieced || doubt !== undefined };
  const distrust = (): void => {
    arriving.dropped();
    doubt?.();
    ranges?.refuse(endpoint, digest);
    for (const helper of helpers) ranges?.refuse(helper); // one of them may have other bytes
  };
  const got = writer.digest();
  if (got !== undefined && got !== digest && algorithmOf(got) === algorithmOf(digest)) {
    distrust();
    await writer.truncate(0);
    throw new ErrDataLoss(`verify ${digest}: got ${got}`, details);
  }
  try {
    await writer.commit({ size, expected: digest });
  } catch (cause) {
    if (isAlreadyExists(cause)) return;
    // With the right digest in hand, what failed is the disk, and the bytes are good for the next attempt.
    if (!isFailedPrecondition(cause) || got === digest) throw cause;
    distrust();
    await ingester.abort(makeRefKey(descriptor)); // wrong bytes must not be the start of the next attempt
    throw new ErrDataLoss(`verify ${digest}: ${findError(cause)?.message ?? "wrong content"}`, {
      ...details,
      cause,
    });
  }
}
