import { boundedReads } from "../../content/bounded-reads.ts";
import { readBlob } from "../../content/read-blob.ts";
import { childrenHandler } from "../../images/children.ts";
import { dispatch } from "../../images/dispatch.ts";
import type { Handler } from "../../images/handler.ts";
import { collectImages } from "../../images/image-graph.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { descriptorToJson } from "../../oci/descriptor-to-json.ts";
import { isIndexType, isManifestType } from "../../oci/media-types.ts";
import { MAX_MANIFEST_BYTES } from "../../oci/parse-document.ts";
import type { Remote } from "../../remotes/remote.ts";
import type { Operation } from "../api/operation.ts";
import { fetchDocument } from "../pull/fetch-document.ts";
import { choosePlatform } from "../pull/pull-reference.ts";
import type { PullShared } from "../pull/puller.ts";
import type { SourceContent } from "./source-content.ts";

/** Where documents of a source are read, and for whom. */
export interface SourceReading {
  readonly shared: Pick<
    PullShared,
    "documents" | "documentReaders" | "work" | "traffic" | "bandwidth" | "transfers"
  >;
  readonly remote: Remote;
  readonly content: SourceContent;
  readonly operation: Operation;
}

/** BuildKit's annotation of an attestation in an index: the digest of the image that it is about. */
const ATTESTED = "vnd.docker.reference.digest";

/** Reads all documents from `root` down, and notes the blobs below them. Returns the documents, parents first. */
export async function readGraph(root: Descriptor, reading: SourceReading): Promise<readonly Descriptor[]> {
  const { content, operation } = reading;
  const documents: Descriptor[] = [];
  const children = childrenHandler(contentOf(reading));
  const visit: Handler = async (descriptor, abort) => {
    if (!isManifestType(descriptor.mediaType) && !isIndexType(descriptor.mediaType)) {
      content.has(descriptor);
      return [];
    }
    documents.push(descriptor);
    await bringDocument(descriptor, abort.signal, reading);
    return await children(descriptor, abort);
  };
  await dispatch(visit, [root], operation);
  return documents;
}

/**
 * What of `root` is for these platforms: the image itself where that is one, otherwise an index with their entries, and what attests
 * them, as they stand in `root`. Throws `ErrNotFound` for a platform that it has not.
 */
export async function choosePlatforms(
  root: Descriptor,
  platforms: readonly string[],
  reading: SourceReading,
): Promise<Descriptor> {
  const { content, operation } = reading;
  const fetchEach: Handler = async (descriptor, { signal }) => {
    await bringDocument(descriptor, signal, reading);
    return [];
  };
  const chosen = new Map<string, Descriptor>();
  for (const platform of platforms) {
    const choice = choosePlatform({ platform });
    const graph = { content: contentOf(reading), fetchDocument: fetchEach, choice };
    for (const { manifest } of await collectImages(root, graph, operation))
      chosen.set(manifest.digest, manifest);
  }
  const [first, ...others] = chosen.values();
  if (!first || others.length > 0) return await narrowed(root, chosen, content);
  const { mediaType, digest, size } = first;
  return { mediaType, digest, size };
}

async function narrowed(
  root: Descriptor,
  chosen: ReadonlyMap<string, Descriptor>,
  content: SourceContent,
): Promise<Descriptor> {
  const bytes = await readBlob(content, root, { maxBytes: MAX_MANIFEST_BYTES });
  const index = JSON.parse(Buffer.from(bytes).toString("utf8")) as {
    readonly manifests: readonly IndexEntry[];
  };
  const isWanted = ({ digest, annotations }: IndexEntry): boolean =>
    chosen.has(digest) || chosen.has(annotations?.[ATTESTED] ?? "");
  const kept = index.manifests.filter(isWanted);
  const isListed = (digest: string): boolean => kept.some((entry) => entry.digest === digest);
  const nested = [...chosen.values()].filter(({ digest }) => !isListed(digest)).map(descriptorToJson);
  const text = JSON.stringify({ ...index, manifests: [...kept, ...nested] });
  return content.documents.add(Buffer.from(text), root.mediaType);
}

/** An entry of an index that was read and validated, with all that its author wrote. */
interface IndexEntry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>> | null;
}

function contentOf({ shared, content }: SourceReading) {
  return boundedReads(content, shared.documentReaders);
}

/** Brings a document, or a small blob, into the memory of a copy. */
export async function bringDocument(
  document: Descriptor,
  signal: AbortSignal | undefined,
  { shared, remote, content, operation }: SourceReading,
): Promise<void> {
  const into = { ...shared, content: content.documents };
  await fetchDocument(document, signal, { shared: into, remote, operation });
}
