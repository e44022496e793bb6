import type { AbortOptions } from "../async/abort.ts";
import { exists } from "../content/exists.ts";
import type { Store } from "../content/store.ts";
import { type Digest, shortId } from "../digest/digest.ts";
import { type StepSink, update } from "../progress/progress.ts";
import { throttleProgress } from "../progress/progress-throttle.ts";
import { type IncomingFile, ingest } from "./ingest.ts";

/** What files are taken in with. */
export interface IntakeContext extends AbortOptions {
  readonly content: Store;
  readonly onProgress: StepSink;
}

/** Characters of a path that stand for a file without digest: as many as of a digest. */
const ID_LENGTH = 12;

/** `ingest` with progress: `Loading layer` as docker has it, then `Load complete` or `Already exists`. */
export async function takeIn(
  file: IncomingFile,
  { content, onProgress, signal }: IntakeContext,
): Promise<Digest> {
  const { digest, path, size } = file;
  const id = digest === undefined ? path.replace(/^sha256:/, "").slice(0, ID_LENGTH) : shortId(digest);
  if (digest !== undefined && (await exists(content, { digest, size }, { signal }))) {
    onProgress(update(id, "Already exists", 0, 0));
    return digest;
  }
  const chunks = watched(file.chunks, (bytes) => progress(update(id, "Loading layer", bytes, size)));
  const progress = throttleProgress(onProgress);
  const stored = await ingest(content, { ...file, chunks }, { signal });
  onProgress(update(id, "Load complete", 0, 0));
  return stored;
}

async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  see: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    see(bytes);
    yield chunk;
  }
}
