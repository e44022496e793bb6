import type { AbortOptions } from "../async/abort.ts";
import { NEEDS_LABEL } from "../content/ownership/document-references.ts";
import type { Manager, Provider } from "../content/store.ts";
import { isDrayageError } from "../errors/drayage-error.ts";
import { isNotFound } from "../errors/predicates.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { isConfigType, isIndexType, isLayerType, isManifestType } from "../oci/media-types.ts";
import { childrenHandler } from "./children.ts";
import { ErrSkipDesc, type Handler } from "./handler.ts";
import { walk } from "./walk.ts";

/**
 * Writes on each manifest and index below `target` what it needs, as containerd does
 * (`images.SetChildrenMappedLabels`): a garbage collector that keeps the target then keeps the rest. What is
 * not in the store, or is no document, is passed over.
 */
export async function labelNeeds(
  content: Provider & Manager,
  target: Descriptor,
  options: AbortOptions = {},
): Promise<void> {
  const children = childrenHandler(content);
  const label: Handler = async (descriptor, abort) => {
    const below = await unlessUnreadable(children(descriptor, abort));
    if (!below) throw ErrSkipDesc;
    if (below.length > 0) await writeLabels(content, descriptor, needsLabels(below));
    return below.filter(({ mediaType }) => isManifestType(mediaType) || isIndexType(mediaType));
  };
  await walk(label, [target], options);
}

async function writeLabels(
  content: Manager,
  { digest }: Descriptor,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const { labels } = await content.info(digest);
  if (Object.entries(wanted).every(([key, value]) => labels[key] === value)) return;
  const paths = Object.keys(wanted).map((key) => `labels.${key}`);
  await content.update({ digest, labels: wanted }, paths);
}

/**
 * The labels for these children: numbered per kind, from the second on where the kind does not end in a dot.
 */
export function needsLabels(children: readonly Descriptor[]): Readonly<Record<string, string>> {
  const counts = new Map<string, number>();
  const labels: Record<string, string> = {};
  for (const child of children) {
    const base = NEEDS_LABEL + kindOf(child.mediaType);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    labels[base.endsWith(".") || count > 0 ? `${base}${count}` : base] = child.digest;
  }
  return labels;
}

function kindOf(mediaType: string): string {
  if (isConfigType(mediaType)) return "config";
  if (isManifestType(mediaType)) return "m.";
  return isLayerType(mediaType) ? "l." : "";
}

async function unlessUnreadable<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error) || isDrayageError(error)) return undefined;
    throw error;
  }
}
