import { type AbortOptions, throwIfAborted } from "../async/abort.ts";
import { readVerified } from "../content/read-verified.ts";
import type { Provider } from "../content/store.ts";
import { type Algorithm, type Digest, Digester } from "../digest/digest.ts";
import { ErrDataLoss, ErrNotImplemented } from "../errors/classes.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { messageOf } from "../errors/message-of.ts";
import { isDataLoss } from "../errors/predicates.ts";
import { type Compression, compressionOf, HEAD_BYTES } from "../layer/decompress/compression.ts";
import { decompress } from "./decompress.ts";

/** A layer of the store. */
export interface StoredLayer {
  readonly digest: Digest;
  /** Size in bytes. */
  readonly size: number;
}

/** What a layer turned out to be. */
export interface LayerContent {
  /** Digest of the uncompressed layer. */
  readonly diffId: Digest;
  /** Whether there is no file in it: an archive that ends where it begins has nothing but zeros. */
  readonly isEmpty: boolean;
}

/** How a layer is read. */
export interface ReadLayerOptions extends AbortOptions {
  /** What is being done, and to what: begins the messages. */
  readonly action: string;
  /** Of the digest of the uncompressed layer. */
  readonly algorithm: Algorithm;
  /** Origin of the endpoint that sent it, to blame for what cannot be decompressed. Absent: nobody is. */
  readonly endpoint?: string | undefined;
  /** Sees the bytes as they are in the store, on their way. */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined;
}

/**
 * Reads a layer through, verifies its own digest, and tells what it is when it is not compressed. Throws `ErrDataLoss` for
 * one that cannot be decompressed or is damaged, `ErrNotImplemented` when the program for its compression is missing, and what
 * the store throws.
 */
export async function readLayer(
  provider: Provider,
  layer: StoredLayer,
  { action, algorithm, endpoint, onBytes = () => {}, signal }: ReadLayerOptions,
): Promise<LayerContent> {
  const digester = new Digester(algorithm);
  let isEmpty = true;
  const compressed = new Watched(readVerified(provider, layer), onBytes);
  try {
    for await (const chunk of decompress(compressed)) {
      throwIfAborted(signal);
      digester.update(chunk);
      isEmpty &&= isZero(chunk);
    }
  } catch (cause) {
    const isOfItsBytes = cause !== compressed.error && (isDataLoss(cause) || !isDrayageError(cause));
    if (!isOfItsBytes) throw cause;
    const message = `${action}: cannot decompress: ${messageOf(cause)}`;
    throw new ErrDataLoss(message, { cause, digest: layer.digest, endpoint });
  }
  return { diffId: digester.digest(), isEmpty };
}

/** The compression of a layer, by its first bytes. */
export async function readCompression(provider: Provider, { digest }: StoredLayer): Promise<Compression> {
  await using reader = await provider.readerAt({ digest });
  const head = new Uint8Array(HEAD_BYTES);
  const count = await reader.readAt(head, 0);
  return compressionOf(head.subarray(0, count));
}

/** The error of a layer in a compression that no media type of layers stands for. */
export function notOfLayers(
  compression: Compression,
  { action, ...details }: { readonly action: string; readonly digest: Digest; readonly endpoint?: string },
): ErrNotImplemented {
  const message = `${action}: compressed with ${compression}, which layers cannot be; compress it with gzip or zstd`;
  return new ErrNotImplemented(message, details);
}

/** Bytes on their way, seen by somebody, and what became of their source. */
class Watched implements AsyncIterable<Uint8Array> {
  /** What the source threw. */
  error: unknown;
  readonly #chunks: AsyncIterable<Uint8Array>;
  readonly #onBytes: (bytes: Uint8Array) => void;

  constructor(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: Uint8Array) => void) {
    this.#chunks = chunks;
    this.#onBytes = onBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#chunks) {
        this.#onBytes(chunk);
        yield chunk;
      }
    } catch (error) {
      this.error = error;
      throw error;
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
