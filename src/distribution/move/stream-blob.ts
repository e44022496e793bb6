import { onAbort } from "../../async/on-abort.ts";
import type { BlobOptions, FetchedBlob } from "../api/moving.ts";
import { withinTime } from "../operations/within-time.ts";
import { BlobStream } from "./blob-stream.ts";
import { type MoveEngine, usingContent } from "./move-engine.ts";
import { type AskedBlob, bringWanted, type WantedContent, wantedContent } from "./wanted-blob.ts";

/** A content that is read while it comes. */
export interface StreamedBlob {
  /** Begins when it is iterated over. Each chunk is a fresh one. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Where it came from; settles after the last chunk, and never if there is none to come to. */
  readonly fetched: Promise<FetchedBlob>;
}

/** What `Moving.openBlob` gives, and where it came from. */
export function streamBlob(engine: MoveEngine, asked: AskedBlob, options: BlobOptions): StreamedBlob {
  const wanted = wantedContent(asked);
  return streamed({ engine, wanted, options }, (own, bring) =>
    withinTime(`open ${wanted.blob.digest}`, own, (timed) => usingContent(engine, timed, bring)),
  );
}

/** The same within an operation that is counted already. */
export function streamWanted(engine: MoveEngine, wanted: WantedContent, options: BlobOptions): StreamedBlob {
  return streamed({ engine, wanted, options }, (own, bring) => bring(own));
}

/** A content that is to be streamed. */
interface Streaming {
  readonly engine: MoveEngine;
  readonly wanted: WantedContent;
  readonly options: BlobOptions;
}

/** Brings a content into the stream. */
type Bring = (own: BlobOptions) => Promise<void>;

/** @param begin runs what brings the content */
function streamed(
  { engine, wanted, options }: Streaming,
  begin: (own: BlobOptions, bring: Bring) => Promise<void>,
): StreamedBlob {
  const fetched = Promise.withResolvers<FetchedBlob>();
  const stream = new BlobStream(wanted.blob);
  const bring: Bring = async (own) => {
    const stop = onAbort(own.signal, () => stream.leave()); // what is being given is not waited for then
    try {
      fetched.resolve(await bringWanted(engine, wanted, stream, own));
    } finally {
      stop();
    }
  };
  return { chunks: chunksOf(stream, options, (own) => begin(own, bring)), fetched: fetched.promise };
}

async function* chunksOf(stream: BlobStream, options: BlobOptions, bring: Bring): AsyncGenerator<Uint8Array> {
  const reader = new AbortController();
  const stopListening = onAbort(options.signal, (reason) => reader.abort(reason));
  const bringing = bring({ ...options, signal: reader.signal }).then(
    () => stream.ended(),
    (error: unknown) => stream.ended({ error }),
  );
  try {
    for (let bytes = await stream.next(); bytes; bytes = await stream.next()) yield Uint8Array.from(bytes);
  } finally {
    stopListening();
    reader.abort();
    await bringing;
  }
}
