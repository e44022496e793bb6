import { makeEmptyDirectory } from "../../disk/make-empty-directory.ts";
import { emptyDirectory } from "../../layer/tree/remove-tree.ts";
import { pathOfTitle, TITLE } from "../../oci/file-titles.ts";
import type { ExtractedImage, ReadImageOptions } from "../api/distribution.ts";
import { startOperation } from "../api/operation.ts";
import { extractFiles, type ReadingContext } from "../local/image-files.ts";
import { imageOf, type LocalContent, localContent } from "../local/local-image.ts";
import { type FetchArtifactEngine, fetchFiles } from "./fetch-artifact.ts";

/** What `Distribution.extract` does: with the files of an image, or with those that are the layers of an artifact. */
export async function extractHere(
  engine: FetchArtifactEngine & ReadingContext,
  reference: string,
  directory: string,
  options: ReadImageOptions & { readonly signal: AbortSignal },
): Promise<ExtractedImage> {
  const { platform } = options;
  const operation = startOperation(options);
  const found = await localContent(engine, reference, { action: "extract", platform }, operation);
  if (!hasTitles(found)) {
    return await extractFiles(engine, imageOf(found, "extract"), directory, { options, operation });
  }
  await makeEmptyDirectory("extract artifact", directory, "extract artifact to");
  try {
    return await extractArtifact(engine, found, directory, options);
  } catch (error) {
    await emptyDirectory(Buffer.from(directory)).catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

/** Whether it is an artifact with files in it. */
function hasTitles({ wanted, inspected }: LocalContent): boolean {
  if (inspected?.kind !== "artifact") return false;
  return wanted?.layers.some(({ annotations }) => annotations?.[TITLE] !== undefined) ?? false;
}

async function extractArtifact(
  engine: FetchArtifactEngine,
  { image, wanted }: LocalContent,
  directory: string,
  { paths, platform, signal, onProgress }: ReadImageOptions & { readonly signal: AbortSignal },
): Promise<ExtractedImage> {
  const titles = paths?.map((path) => pathOfTitle(path).join("/"));
  const options = { from: "local", titles, platform, signal, onProgress } as const;
  const { files, missing } = await fetchFiles(engine, { reference: image.name, directory }, options);
  return {
    name: image.name,
    config: wanted?.config.digest ?? image.target.digest,
    entries: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    missing,
  };
}
