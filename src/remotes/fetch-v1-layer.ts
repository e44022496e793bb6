import type { Waiter } from "../async/waiting.ts";
import type { Flow } from "../bandwidth/flow.ts";
import { openWriter } from "../content/open-writer.ts";
import type { Ingester, IngestManager, Writer } from "../content/store.ts";
import { unlessExists } from "../content/unless-exists.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrInternal } from "../errors/classes.ts";
import { type ArrivalListener, type Arriving, whileArriving } from "./arriving.ts";
import { receive } from "./receive.ts";
import type { V1Layer, V1Remote } from "./v1-remote.ts";

/** Longest layer of which nobody says how long it is, in bytes. */
const MAX_UNSIZED_BYTES = 16 * 1024 * 1024 * 1024;

/** Where a layer comes from and goes to, and whom it tells. */
export interface FetchV1LayerContext {
  readonly remote: V1Remote;
  readonly ingester: Ingester & IngestManager;
  readonly signal: AbortSignal;
  /** Waits while another writer has the ingest, or a registry is slow. */
  readonly waiter: Waiter;
  /** How fast it may come. */
  readonly flow: Flow;
  /** What is in the store by now, because another process brought it while its ingest was waited for. */
  readonly already: () => Promise<FetchedV1Layer | undefined>;
  /** Told what the layer is, before anybody else can have its ingest. */
  readonly remember: (layer: FetchedV1Layer) => Promise<void>;
  /** Called with the bytes on disk, of the whole layer, and its size where it is known, whenever there are more. */
  readonly onBytes: (bytes: number, size: number | undefined) => void;
  /** Told how much of the layer came by this call. */
  readonly onArrival: ArrivalListener;
}

/** A layer that is in the store. */
export interface FetchedV1Layer {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
  /** Whether a part of it was there before. */
  readonly resumed: boolean;
}

/** The name of a layer's transfer and of its ingest, in this process and across processes. */
export function v1LayerKey(
  { layersFrom }: Pick<V1Remote, "layersFrom">,
  { id }: Pick<V1Layer, "id">,
): string {
  return `v1-layer-${layersFrom}-${id}`;
}

/**
 * Brings a layer into the store: one attempt, resumed from what is on disk. Its digest is not known before, so it is committed
 * under whatever it has; only its length is compared. A broken connection leaves the bytes for the next attempt. Throws
 * `ErrDataLoss` for too many or too few bytes, and the errors of the remote and the disk.
 */
export async function fetchV1Layer(layer: V1Layer, context: FetchV1LayerContext): Promise<FetchedV1Layer> {
  const { remote, ingester, signal, waiter } = context;
  const { size } = layer;
  const ref = v1LayerKey(remote, layer);
  await using writer = await openWriter(ingester, { ref, size, signal, waiter });
  const offset = await usableOffset(writer, size);
  const already = offset === 0 ? await context.already() : undefined;
  if (already) {
    await ingester.abort(ref, { signal }); // nothing is in it
    return already;
  }
  return await whileArriving(offset, { onArrival: context.onArrival }, async (arriving) => {
    if (size === undefined || offset < size) await fetchRest(layer, { writer, offset, arriving }, context);
    return await commit(layer, { writer, resumed: offset > 0 }, context);
  });
}

async function commit(
  { id }: V1Layer,
  { writer, resumed }: { readonly writer: Writer; readonly resumed: boolean },
  { remember }: FetchV1LayerContext,
): Promise<FetchedV1Layer> {
  const { offset: size } = await writer.status();
  const known = writer.digest(); // some stores can tell only by the commit
  if (known !== undefined) await remember({ digest: known, size, resumed });
  const digest = (await unlessExists(writer.commit({ size }))) ?? known;
  if (digest === undefined) throw new ErrInternal(`fetch layer ${id}: the store does not say what it has`);
  if (known === undefined) await remember({ digest, size, resumed });
  return { digest, size, resumed };
}

/** The bytes to go on behind. More of them than the layer has, or may have, are the start of something else. */
async function usableOffset(writer: Writer, size = 0): Promise<number> {
  const { offset } = await writer.status();
  if (offset <= size) return offset;
  await writer.truncate(0);
  return 0;
}

async function fetchRest(
  layer: V1Layer,
  {
    writer,
    offset,
    arriving,
  }: { readonly writer: Writer; readonly offset: number; readonly arriving: Arriving },
  { remote, signal, waiter, flow, onBytes }: FetchV1LayerContext,
): Promise<void> {
  const content = await remote.openLayer(layer, { offset, flow, signal, waiter });
  const { size } = content;
  await receive(
    content,
    {
      what: `fetch layer ${layer.id}`,
      size: size ?? MAX_UNSIZED_BYTES,
      isLimit: size === undefined,
      writer,
      offset,
    },
    { endpoint: remote.endpoint, signal, arriving, onBytes: (bytes) => onBytes(bytes, size) },
  );
}
