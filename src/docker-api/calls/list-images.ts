import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { ownField } from "../../oci/json-object.ts";
import { familiarMatch } from "../../reference/familiar.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import {
  type CatalogImage,
  type CatalogName,
  type ImageCatalog,
  sizeOf,
  tagNames,
} from "../catalog/image-catalog.ts";
import { answerJson } from "../http/answers.ts";
import { Filters } from "../http/filters.ts";
import { badParameter } from "../http/refusal.ts";
import { type ApiCall, isSet } from "./api-call.ts";
import { readTime } from "./read-time.ts";

/** What images may be filtered by; dockerd refuses others by name as well. */
const FILTERS = ["dangling", "label", "label!", "before", "since", "reference", "until"];

/** `GET /images/json` */
export async function listImages(call: ApiCall): Promise<void> {
  const { engine, query, response, signal } = call;
  const filters = Filters.of(query, FILTERS);
  const images = await filteredImages(engine.catalog, filters, { signal });
  const shares = isSet(call, "shared-size") ? sharedSizes(images) : undefined;
  const items: object[] = [];
  for (const image of images)
    items.push(await summary(engine.catalog, image, { sharedSize: shares?.get(image.id), filters, signal }));
  answerJson(response, items);
}

/** `GET /system/df` */
export async function diskUsage({ engine, response, signal }: ApiCall): Promise<void> {
  const images = await engine.catalog.list({ signal });
  const shares = sharedSizes(images);
  const layers = new Map(
    images.flatMap(({ manifest }) => manifest?.layers ?? []).map((layer) => [layer.digest, layer.size]),
  );
  const Images: object[] = [];
  for (const image of images)
    Images.push(await summary(engine.catalog, image, { sharedSize: shares.get(image.id), signal }));
  const LayersSize = [...layers.values()].reduce((sum, size) => sum + size, 0);
  answerJson(response, { LayersSize, Images, Containers: [], Volumes: [], BuildCache: [] });
}

/** The images that keep to all filters. Throws `Refusal` for a filter that cannot be. */
export async function filteredImages(
  catalog: ImageCatalog,
  filters: Filters,
  options: AbortOptions,
): Promise<readonly CatalogImage[]> {
  if (filters.flag("dangling")) return []; // what has no name is not kept
  const all = await catalog.list(options);
  const bounds = await timeBounds(catalog, filters, options);
  return all
    .filter(({ config }) => bounds.every((isWithin) => isWithin(config?.view.createdSeconds ?? 0)))
    .filter(({ config }) => hasLabels(config?.view.labels ?? {}, filters))
    .map((image) => ({ ...image, names: image.names.filter((name) => isNamed(name, filters)) }))
    .filter(({ names }) => names.length > 0);
}

type Bound = (createdSeconds: number) => boolean;

async function timeBounds(
  catalog: ImageCatalog,
  filters: Filters,
  options: AbortOptions,
): Promise<readonly Bound[]> {
  const madeAt = async (text: string): Promise<number> =>
    (await catalog.find(text, options)).config?.view.createdSeconds ?? 0;
  const bounds: Bound[] = [];
  for (const text of filters.get("before")) {
    const before = await madeAt(text);
    bounds.push((created) => created < before);
  }
  for (const text of filters.get("since")) {
    const since = await madeAt(text);
    bounds.push((created) => created > since);
  }
  for (const text of filters.get("until")) {
    const until = readTime(text);
    if (until === undefined) throw badParameter(`invalid filter 'until=${text}'`);
    bounds.push((created) => created < until);
  }
  return bounds;
}

function hasLabels(labels: Readonly<Record<string, string>>, filters: Filters): boolean {
  const has = (wanted: string): boolean => {
    const [name = "", ...value] = wanted.split("=");
    const found = ownField(labels, name);
    return found !== undefined && (value.length === 0 || found === value.join("="));
  };
  return filters.get("label").every(has) && !filters.get("label!").some(has);
}

function isNamed({ reference }: CatalogName, filters: Filters): boolean {
  return filters.accepts("reference", (pattern) => familiarMatch(pattern, reference));
}

function isShown(digestName: string, filters: Filters): boolean {
  const reference = parseNormalizedNamed(digestName);
  return filters.accepts("reference", (pattern) => familiarMatch(pattern, reference));
}

interface SummaryOptions extends AbortOptions {
  /** What was asked for: names that it leaves out are not shown, those with a digest neither. */
  readonly filters?: Filters | undefined;
  /** Bytes of layers that other images have as well, where that was asked for. */
  readonly sharedSize: number | undefined;
}

async function summary(
  catalog: ImageCatalog,
  image: CatalogImage,
  { sharedSize = -1, filters, ...options }: SummaryOptions,
): Promise<object> {
  const digests = await catalog.digestNames(image, options);
  return {
    Containers: 0,
    Created: image.config?.view.createdSeconds ?? 0,
    Id: image.id,
    Labels: image.config?.view.labels ?? null,
    ParentId: "",
    RepoDigests: filters ? digests.filter((name) => isShown(name, filters)) : digests,
    RepoTags: tagNames(image),
    SharedSize: sharedSize,
    Size: sizeOf(image),
  };
}

/** The layers of an image, each once. */
function layersOf({ manifest }: CatalogImage): readonly Descriptor[] {
  return [...new Map((manifest?.layers ?? []).map((layer) => [layer.digest, layer])).values()];
}

/** For each image the bytes of those layers that another one has as well. */
function sharedSizes(images: readonly CatalogImage[]): ReadonlyMap<Digest, number> {
  const uses = new Map<Digest, number>();
  for (const image of images) {
    for (const { digest } of layersOf(image)) uses.set(digest, (uses.get(digest) ?? 0) + 1);
  }
  return new Map(
    images.map((image) => {
      const shared = layersOf(image).filter(({ digest }) => (uses.get(digest) ?? 0) > 1);
      return [image.id, shared.reduce((sum, { size }) => sum + size, 0)];
    }),
  );
}
