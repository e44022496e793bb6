import type { AbortOptions } from "../../async/abort.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { Provider } from "../../content/store.ts";
import { shortId } from "../../digest/digest.ts";
import { isDrayageError } from "../../errors/drayage-error.ts";
import { childrenHandler } from "../../images/children.ts";
import type { Handler } from "../../images/handler.ts";
import { walk } from "../../images/walk.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isConfigType, isManifestType } from "../../oci/media-types.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../oci/parse-image-config.ts";
import type { StepSink } from "../../progress/progress.ts";

/** The id that a person sees for each blob that has a line of its own; both are short ids. */
export type LayerIds = ReadonlyMap<string, string>;

/**
 * The layers below `root`, each with the id by which docker shows it in a push: that of its uncompressed content, which the
 * config names, and otherwise that of the blob. Configs have no line. Content that is missing or malformed is left out here:
 * the push itself says what is wrong with it.
 */
export async function layerIdsOf(
  root: Descriptor,
  content: Provider,
  options: AbortOptions = {},
): Promise<LayerIds> {
  const ids = new Map<string, string>();
  const children = childrenHandler(content);
  const visit: Handler = async (descriptor, abort) => {
    const below = await children(descriptor, abort);
    if (!isManifestType(descriptor.mediaType)) return below;
    const [config, ...layers] = below;
    const diffIds = config ? await readDiffIds(config, content, abort) : [];
    for (const [at, { digest }] of layers.entries()) {
      ids.set(shortId(digest), shortId((diffIds.length === layers.length && diffIds[at]) || digest));
    }
    return [];
  };
  try {
    await walk(visit, [root], options);
  } catch (error) {
    if (!isDrayageError(error) || options.signal?.aborted) throw error;
  }
  return ids;
}

async function readDiffIds(config: Descriptor, content: Provider, options: AbortOptions) {
  if (!isConfigType(config.mediaType)) return [];
  try {
    return parseImageConfig(await readBlob(content, config, { ...options, maxBytes: MAX_CONFIG_BYTES }))
      .diffIds;
  } catch (error) {
    if (!isDrayageError(error) || options.signal?.aborted) throw error;
    return [];
  }
}

/** Passes on what belongs to a layer, under the id that a person sees, and what is about the whole push. */
export function layerLines(ids: LayerIds, onProgress: StepSink): StepSink {
  return (progress) => {
    const id = progress.id === "" ? "" : ids.get(progress.id);
    if (id !== undefined) onProgress({ ...progress, id });
  };
}

/** Passes on everything, but says only once that a layer is being prepared: another endpoint prepares nothing anew. */
export function preparingOnce(onProgress: StepSink): StepSink {
  const prepared = new Set<string>();
  return (progress) => {
    if (progress.kind === "update" && progress.action === "Preparing") {
      if (prepared.has(progress.id)) return;
      prepared.add(progress.id);
    }
    onProgress(progress);
  };
}
