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
  const fetched = Promise.withResolvers<FetchedBlob>();
  return {
    chunks: chunksOf(engine, wanted, { options, onFetched: fetched.resolve }),
    fetched: fetched.promise,
  };
}

async function* chunksOf(
  engine: MoveEngine,
  wanted: WantedContent,
  {
    options,
    onFetched,
  }: { readonly options: BlobOptions; readonly onFetched: (fetched: FetchedBlob) => void },
): AsyncGenerator<Uint8Array> {
  const stream = new BlobStream(wanted.blob);
  const reader = new AbortController();
  const stopListening = onAbort(options.signal, (reason) => reader.abort(reason));
  const bringing = withinTime(`open ${wanted.blob.digest}`, { ...options, signal: reader.signal }, (timed) =>
    usingContent(engine, timed, async (own) => {
      const stop = onAbort(own.signal, () => stream.leave()); // what is being given is not waited for then
      try {
        onFetched(await bringWanted(engine, wanted, stream, own));
      } finally {
        stop();
      }
    }),
  ).then(
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
