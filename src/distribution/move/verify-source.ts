import { boundedReads } from "../../content/bounded-reads.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { ImageContent } from "../../images/image-graph.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isManifestType } from "../../oci/media-types.ts";
import { MAX_MANIFEST_BYTES, parseManifest } from "../../oci/parse-document.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { type Verifiers, verifyFetched } from "../operations/verify-image.ts";
import { bringDocument, type SourceReading } from "./read-source.ts";

/** Who is asked, and where documents are read. */
interface Verifying {
  readonly reading: SourceReading;
  readonly verifiers: Verifiers;
}

/** Asks everybody whether what was found at a source may be copied; of blobs only configs have come by then, into memory. */
export async function verifySource(
  reference: NormalizedReference,
  { root, documents }: { readonly root: Descriptor; readonly documents: readonly Descriptor[] },
  { reading, verifiers }: Verifying,
): Promise<void> {
  if (!verifiers) return;
  const { operation, remote, shared } = reading;
  const content = boundedReads(reading.content, shared.documentReaders);
  const images: ImageContent[] = [];
  for (const manifest of documents.filter(({ mediaType }) => isManifestType(mediaType))) {
    const { signal } = operation;
    const bytes = await readBlob(content, manifest, { maxBytes: MAX_MANIFEST_BYTES, signal });
    images.push({ manifest, ...parseManifest(bytes, manifest.mediaType) });
  }
  const { endpoint } = remote;
  const about = { purpose: "copy", reference: reference.toString(), target: root, endpoint } as const;
  const bring = (config: Descriptor, signal: AbortSignal) => bringDocument(config, signal, reading);
  await verifyFetched({ ...about, images, content }, verifiers, { bring, signal: operation.signal });
}
