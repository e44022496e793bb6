import type { InspectedImage } from "../api/looking.ts";
import { type Verifiers, verifyImage } from "../operations/verify-image.ts";
import type { PullShared } from "../pull/puller.ts";
import { ScratchContent } from "../pull/scratch-content.ts";

/** Whom an artifact is shown, and with what. */
export interface ArtifactAtTheDoor {
  readonly verifiers: Verifiers;
  readonly content: PullShared["content"];
  readonly signal: AbortSignal;
}

/** Asks whether files of an artifact may come out of a registry; what is here as a whole came in before. Throws as `verifyImage` does. */
export async function verifyArtifact(
  artifact: InspectedImage,
  { verifiers, content: store, signal }: ArtifactAtTheDoor,
): Promise<void> {
  const { from, reference, target, endpoint, manifest, config, layers, documents } = artifact;
  const isHere = from === "local" && layers.every((layer) => layer.isHere);
  if (!verifiers || isHere || !manifest || !config) return;
  const content = new ScratchContent(store);
  if (documents.manifest) content.add(documents.manifest, manifest.mediaType);
  if (documents.config) content.add(documents.config, config.mediaType);
  const about = { purpose: "fetch", reference, target, endpoint } as const;
  await verifyImage({ ...about, images: [{ manifest, config, layers }], content }, verifiers, signal);
}
