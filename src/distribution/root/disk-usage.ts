import type { AbortOptions } from "../../async/abort.ts";
import { isContaining } from "../../content/containing-store.ts";
import { ingestedBytes } from "../../content/ingested-bytes.ts";
import type { ContentOwner } from "../../content/ownership/content-owner.ts";
import type { Store } from "../../content/store.ts";
import type { Digest } from "../../digest/digest.ts";
import type { Image, ImageStore } from "../../images/image-store.ts";
import type { DiskUsage, ImageUsage, Usage } from "../api/usage.ts";

/** Where the bytes of content are. */
type ContentUsage = Omit<DiskUsage, "layers" | "unusedLayers" | "incompleteLayers">;

/** What is measured. */
export interface DiskUsageContext {
  readonly content: Store;
  readonly images: ImageStore;
  readonly owner: ContentOwner;
}

/** Adds up sizes by names; documents that are damaged count with themselves. Throws what the store throws. */
export async function diskUsage(
  { content, images, owner }: DiskUsageContext,
  options: AbortOptions,
): Promise<ContentUsage> {
  const sizes = new Map<Digest, number>();
  for await (const { digest, size } of content.walk(options)) sizes.set(digest, size);
  const isNeeded = await owner.needs();
  const unreferenced: number[] = [];
  for (const [digest, size] of sizes) if (!(await isNeeded(digest))) unreferenced.push(size);
  const statuses = await content.listStatuses(options);
  const halfMade = isContaining(content) ? await content.listHalfMade() : [];
  const setAside = isContaining(content) ? await content.listSetAside() : [];
  return {
    content: usageOf([...sizes.values()]),
    unreferenced: usageOf(unreferenced),
    ingests: usageOf([...statuses.map(ingestedBytes), ...halfMade.map(({ bytes }) => bytes)]),
    setAside: usageOf(setAside.map(({ bytes }) => bytes)),
    images: await imageUsages(sizes, await images.list(options), owner),
  };
}

async function imageUsages(
  sizes: ReadonlyMap<Digest, number>,
  images: readonly Image[],
  owner: ContentOwner,
): Promise<readonly ImageUsage[]> {
  const parts = await Promise.all(
    images.map(async (image) => ({ image, digests: [...(await owner.below(image.target))] })),
  );
  const uses = new Map<Digest, number>();
  for (const { digests } of parts) {
    for (const digest of digests) uses.set(digest, (uses.get(digest) ?? 0) + 1);
  }
  const sum = (some: readonly Digest[]): number =>
    some.reduce((total, digest) => total + (sizes.get(digest) ?? 0), 0);
  return parts.map(({ image, digests }) => {
    const bytes = sum(digests);
    const uniqueBytes = sum(digests.filter((digest) => uses.get(digest) === 1));
    return { ...image, bytes, sharedBytes: bytes - uniqueBytes, uniqueBytes };
  });
}

/** A number of things of these sizes, in bytes. */
export function usageOf(sizes: readonly number[]): Usage {
  return { count: sizes.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}
