import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Distribution } from "../../distribution/api/distribution.ts";
import { chainIds } from "../../oci/chain-id.ts";
import { familiarName, familiarString } from "../../reference/familiar.ts";
import type { CatalogImage, CatalogName, ImageCatalog } from "../catalog/image-catalog.ts";
import { isMeant } from "../catalog/is-meant.ts";
import { answerJson } from "../http/answers.ts";
import { Filters } from "../http/filters.ts";
import { Refusal } from "../http/refusal.ts";
import { type ApiCall, isSet } from "./api-call.ts";
import { filteredImages } from "./list-images.ts";

/** A line of what a removal tells. */
type Removed = { readonly Untagged: string } | { readonly Deleted: string };

/** What prunes of images may be filtered by. */
const PRUNE_FILTERS = ["dangling", "label", "label!", "until"];

/**
 * `DELETE /images/NAME`: takes a name away, or by ID all names of the image, and the image with the last one. Unlike dockerd, whose
 * layers may be other images' parents, there is nothing that `noprune` could keep.
 */
export async function removeImage(call: ApiCall): Promise<void> {
  const { engine, response, subject, signal } = call;
  const { catalog, distribution } = engine;
  const image = await catalog.find(subject, { signal });
  const [named] = image.names.filter(({ reference }) => isMeant(reference, subject));
  if (!named && subject.includes("@")) {
    throw new Refusal(
      409,
      `conflict: unable to delete ${subject} - the image has names by tag, which keep it`,
    );
  }
  if (!named && !isSet(call, "force") && isSpread(image.names)) {
    const id = image.id.slice(image.id.indexOf(":") + 1, image.id.indexOf(":") + 13);
    const reason = "image is referenced in multiple repositories";
    throw new Refusal(409, `conflict: unable to delete ${id} (must be forced) - ${reason}`);
  }
  const removed = await removal(image, named ? [named] : image.names, { catalog, distribution, signal });
  answerJson(response, removed);
}

/** `POST /images/prune`: all images where `dangling` is false; what has lost its name is gone already. */
export async function pruneImages({ engine, query, response, signal }: ApiCall): Promise<void> {
  const { catalog, distribution, events } = engine;
  const filters = Filters.of(query, PRUNE_FILTERS);
  if (filters.flag("dangling") ?? true) {
    const { reclaimedBytes } = await distribution.prune({ signal });
    events.tellPrune(reclaimedBytes);
    answerJson(response, { ImagesDeleted: null, SpaceReclaimed: reclaimedBytes });
    return;
  }
  const before = await contentBytes(distribution, { signal });
  const removed: Removed[] = [];
  for (const image of await filteredImages(catalog, filters, { signal })) {
    removed.push(...(await removal(image, image.names, { catalog, distribution, signal })));
  }
  const SpaceReclaimed = Math.max(0, before - (await contentBytes(distribution, { signal })));
  events.tellPrune(SpaceReclaimed);
  answerJson(response, { ImagesDeleted: removed.length > 0 ? removed : null, SpaceReclaimed });
}

interface RemovalOptions extends AbortOptions {
  readonly catalog: ImageCatalog;
  readonly distribution: Distribution;
}

/** Takes names away, and tells as dockerd does what goes with them. */
async function removal(
  image: CatalogImage,
  names: readonly CatalogName[],
  { catalog, distribution, signal }: RemovalOptions,
): Promise<readonly Removed[]> {
  const digests = await catalog.digestNames(image, { signal });
  const { going, left } = withDigestNames(names, image.names);
  for (const { name } of going) await distribution.remove(name, { signal });
  const shown = going.map(({ reference }) => familiarString(reference));
  const repositories = new Set(going.map(({ reference }) => familiarName(reference)));
  for (const { reference } of left) repositories.delete(familiarName(reference));
  const unnamed = digests.filter(
    (name) => repositories.has(name.slice(0, name.indexOf("@"))) && !shown.includes(name),
  );
  const lines: Removed[] = [...shown, ...unnamed].map((Untagged) => ({ Untagged }));
  if (left.length === 0) lines.push(...(await deletedBy(image, catalog, { signal })));
  return lines;
}

/** With the last tag of a repository, the names go that have only a digest there. */
function withDigestNames(
  names: readonly CatalogName[],
  all: readonly CatalogName[],
): { readonly going: readonly CatalogName[]; readonly left: readonly CatalogName[] } {
  const untagged = new Set(names.map(({ name }) => name));
  const rest = all.filter(({ name }) => !untagged.has(name));
  const repositories = new Set(names.filter(isTag).map(({ reference }) => familiarName(reference)));
  for (const { reference } of rest.filter(isTag)) repositories.delete(familiarName(reference));
  const goesToo = (name: CatalogName): boolean =>
    !isTag(name) && repositories.has(familiarName(name.reference));
  return { going: [...names, ...rest.filter(goesToo)], left: rest.filter((name) => !goesToo(name)) };
}

function isTag({ reference }: CatalogName): boolean {
  return reference.digest === undefined;
}

/** The image, and those of its layers that no image has any more, from the top down. */
async function deletedBy(
  { id, config }: CatalogImage,
  catalog: ImageCatalog,
  options: AbortOptions,
): Promise<readonly Removed[]> {
  const kept = new Set<Digest>();
  for (const other of await catalog.list(options)) {
    for (const chainId of chainIds(other.config?.diffIds ?? [])) kept.add(chainId);
  }
  const gone = chainIds(config?.diffIds ?? []).filter((chainId) => !kept.has(chainId));
  return [id, ...gone.toReversed()].map((Deleted) => ({ Deleted }));
}

/** Whether tags of several repositories, or several of one, lead to an image, so that an ID says too little. */
function isSpread(names: readonly CatalogName[]): boolean {
  return names.filter(isTag).length > 1;
}

async function contentBytes(distribution: Distribution, options: AbortOptions): Promise<number> {
  return (await distribution.diskUsage(options)).content.bytes;
}
