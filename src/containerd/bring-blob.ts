import { copy } from "../content/copy.ts";
import { exists } from "../content/exists.ts";
import { openWriter } from "../content/open-writer.ts";
import type { Store } from "../content/store.ts";
import { unlessExists } from "../content/unless-exists.ts";
import { type Digest, Digester } from "../digest/digest.ts";
import { ErrInternal } from "../errors/classes.ts";
import type { DownloadDescriptor } from "../xfer/layer.ts";
import type { TransferContext } from "../xfer/transfer-context.ts";

/** The blob of a layer in containerd's content store. */
export interface LayerBlob extends Pick<DownloadDescriptor, "id"> {
  readonly digest: Digest;
  readonly diffId: Digest;
  /** Size in bytes. */
  readonly size: number;
}

/**
 * Sees to it that a layer's blob is in containerd's content store: containerd unpacks nothing else. Where it has been pulled to
 * another store, it is copied. Throws what the stores throw.
 */
export async function bringBlob(
  blob: DownloadDescriptor,
  content: Store,
  { signal, waiter }: Pick<TransferContext, "signal" | "waiter">,
): Promise<LayerBlob> {
  const { id, key, diffId, digest } = blob;
  await using bytes = await blob.open?.({ signal });
  if (!diffId || !bytes) throw new ErrInternal(`register layer ${id}: its diffID or its blob is not known`);
  const { size } = bytes;
  if (digest && (await exists(content, { digest, size }, { signal }))) return { id, digest, diffId, size };

  const writing = openWriter(content, {
    ref: `layer ${digest ?? key}`,
    size,
    expected: digest,
    signal,
    waiter,
  });
  const writer = await unlessExists(writing);
  if (!writer && digest) return { id, digest, diffId, size };
  await using _ = writer;
  const digester = new Digester("sha256");
  if (writer) await copy(writer, hashed(bytes, digester), { size, expected: digest, signal });
  return { id, digest: digest ?? digester.digest(), diffId, size };
}

async function* hashed(
  bytes: AsyncIterable<Uint8Array>,
  digester: Digester,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of bytes) {
    digester.update(chunk);
    yield chunk;
  }
}
