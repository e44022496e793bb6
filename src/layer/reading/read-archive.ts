import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Pause } from "../../async/slices.ts";
import { algorithmOf, Digester } from "../../digest/digest.ts";
import { ErrDataLoss, ErrResourceExhausted } from "../../errors/classes.ts";
import type { ByteString } from "../../tar/byte-string.ts";
import { TarReader, type TarSink } from "../../tar/tar-reader.ts";
import { decompress } from "../decompress/decompress.ts";
import { atEntry } from "../unpack/entry-name.ts";
import { checkExpansion } from "../unpack/expansion.ts";
import type { UnpackLimits } from "../unpack/unpack-limits.ts";
import type { ReadableLayer } from "./readable-layer.ts";

/** How an archive is read. */
export interface ReadArchiveOptions extends AbortOptions {
  readonly limits: UnpackLimits;
  /** Called between two pieces of work. */
  readonly pause: Pause;
}

/** Bytes that are read in one go: they may be the files of a hundred entries, each of which takes some calls. */
const STEP_BYTES = 64 * 1024;

/**
 * Reads the archive of a layer through, to its last byte. What the sink was told is good when this has resolved, and not before.
 * Throws `ErrDataLoss` for an archive that is damaged or has another diffID, `ErrInvalidArgument` for one that is malformed,
 * `ErrResourceExhausted` beyond a limit, `ErrNotImplemented` for a compression that nobody knows, what the sink and the layer
 * throw, the classes of `diskError`, and the abort error.
 */
export async function readArchive(
  layer: ReadableLayer,
  sink: TarSink,
  { limits, signal, pause }: ReadArchiveOptions,
): Promise<void> {
  const { digest, diffId } = layer;
  const digester = diffId && new Digester(algorithmOf(diffId));
  let last: ByteString = "";
  const lastEntry = (): ByteString => last;
  const reader = new TarReader({
    begin(entry) {
      last = entry.name;
      sink.begin(entry);
    },
    content: (piece) => sink.content(piece),
    end: () => sink.end(),
  });
  let [bytesIn, bytesOut] = [0, 0];
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of layer.open({ signal })) {
      bytesIn += chunk.byteLength;
      yield chunk;
    }
  }
  for await (const piece of decompress(counted())) {
    throwIfAborted(signal);
    bytesOut += piece.byteLength;
    if (bytesOut > limits.maxBytes) throw tooLarge(layer, limits);
    checkExpansion(limits, { bytesIn, bytesOut });
    digester?.update(piece);
    for (let at = 0; at < piece.byteLength; at += STEP_BYTES) {
      atEntry("read entry", lastEntry, () => reader.write(piece.subarray(at, at + STEP_BYTES)));
      await pause();
    }
  }
  const got = digester?.digest();
  if (got !== diffId)
    throw new ErrDataLoss(`read layer ${digest}: got diffID ${got}, want ${diffId}`, { digest });
  atEntry("read entry", lastEntry, () => reader.finish());
}

function tooLarge({ digest }: ReadableLayer, { maxBytes }: UnpackLimits): ErrResourceExhausted {
  const message = `read layer ${digest}: got more than ${maxBytes} bytes without its compression`;
  return new ErrResourceExhausted(message, { digest, retryable: false });
}
