import { allOrAbort } from "../../async/all-or-abort.ts";
import { boundedReads } from "../../content/bounded-reads.ts";
import { readBlob } from "../../content/read-blob.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ImageContent } from "../../images/image-graph.ts";
import { claimsToBeImage } from "../../images/inspect-image.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isManifestType } from "../../oci/media-types.ts";
import { MAX_MANIFEST_BYTES, parseManifest } from "../../oci/parse-document.ts";
import { MAX_CONFIG_BYTES } from "../../oci/parse-image-config.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { type Verifiers, verifyImage } from "../operations/verify-image.ts";
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
  const configs = images.filter(claimsToBeImage).map(({ config }) => config);
  const tooLarge = configs.find(({ size }) => size > MAX_CONFIG_BYTES);
  if (tooLarge) {
    const { digest, size } = tooLarge;
    const sizes = `got ${size} bytes, wanted at most ${MAX_CONFIG_BYTES}`;
    throw new ErrInvalidArgument(`config ${digest}: ${sizes}`, { digest });
  }
  await allOrAbort(
    configs.map((config) => (signal: AbortSignal) => bringDocument(config, signal, reading)),
    operation,
  );
  const { endpoint } = remote;
  const about = { purpose: "copy", reference: reference.toString(), target: root, endpoint } as const;
  await verifyImage({ ...about, images, content }, verifiers, operation.signal);
}
