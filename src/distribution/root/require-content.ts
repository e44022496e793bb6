import type { AbortOptions } from "../../async/abort.ts";
import type { InfoProvider, Provider } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrNotFound } from "../../errors/classes.ts";
import { childrenHandler } from "../../images/children.ts";
import type { Handler } from "../../images/handler.ts";
import { needsLayerBlobs } from "../../oci/annotations.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isIndexType, isManifestType, isNonDistributable } from "../../oci/media-types.ts";

/** Where content is looked for. */
type Content = Provider & InfoProvider;

/**
 * Makes sure that a name for `target` would have its content: a manifest with config and layers, an index
 * with one of its entries at least, anything else itself. Throws `ErrNotFound` with the first digest that is
 * missing, and the errors of documents that are none.
 */
export async function requireContent(
  content: Content,
  { name, target }: { readonly name: string; readonly target: Descriptor },
  options: AbortOptions,
): Promise<void> {
  const children = needsLayerBlobs(target)
    ? childrenHandler(content)
    : withoutLayers(childrenHandler(content));
  const missing = await firstMissing(content, target, { children, ...options });
  if (missing === undefined) return;
  throw new ErrNotFound(`tag ${name}: content ${missing} is not here`, { digest: missing });
}

/** Of a manifest only the config: its layers are unpacked. */
function withoutLayers(children: Handler): Handler {
  return async (descriptor, options) => {
    const below = await children(descriptor, options);
    return isManifestType(descriptor.mediaType) ? below.slice(0, 1) : below;
  };
}

async function firstMissing(
  content: Content,
  descriptor: Descriptor,
  options: AbortOptions & { readonly children: Handler },
): Promise<Digest | undefined> {
  const { digest, mediaType } = descriptor;
  if (!(await unlessNotFound(content.info(digest, options)))) return digest;
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
  const needed = (await options.children(descriptor, options)).filter(
    (child) => !isNonDistributable(child.mediaType),
  );
  let missing: Digest | undefined;
  for (const child of needed) {
    const lacks = await firstMissing(content, child, options);
    if (lacks === undefined && isIndexType(mediaType)) return undefined; // what other platforms need may be elsewhere
    if (lacks !== undefined && isManifestType(mediaType)) return lacks;
    missing ??= lacks;
  }
  return missing;
}
