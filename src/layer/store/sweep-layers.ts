import { type AbortOptions, throwIfAborted } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { sweepTemporaryFiles } from "../../disk/temporary-files.ts";
import { sweepShortNames } from "../rootfs/short-names.ts";
import { lockChanges } from "./change-lock.ts";
import type { LayerFiles } from "./layer-files.ts";
import type { LayerLayout } from "./layer-layout.ts";
import type { LayerRecord } from "./layer-record.ts";
import { type LayerUse, LayerUses } from "./layer-uses.ts";
import { type MountedLayers, mountedLayers } from "./mounted-layers.ts";
import { sweepReplaced } from "./replaced-layers.ts";
import { type StagedDirectory, stageAway, sweepStaging } from "./staging.ts";
import { tryLockAlone } from "./use-locks.ts";

/** How layers are swept. */
export interface SweepLayersOptions extends AbortOptions {
  /**
   * Whether a user still is one; whose word does not count any more is forgotten.
   * @example isUsed: () => Promise.resolve(true)
   */
  readonly isUsed: (use: LayerUse) => Promise<boolean>;
  /**
   * Only tells what would be removed.
   * @defaultValue `false`
   * @example dryRun: true
   */
  readonly dryRun?: boolean | undefined;
}

/** A layer that was removed, or would be. */
export type SweptLayer = Pick<LayerRecord, "chainId" | "bytes">;

/** All layers, and those of them that nobody keeps. */
export interface FoundLayers {
  readonly all: readonly LayerRecord[];
  readonly unused: readonly SweptLayer[];
}

/**
 * Removes layers that nobody keeps, uppermost first: who keeps a layer keeps all below it. What some process is using at
 * the moment, or has mounted, stays for the next sweep, and so does what lies below it. Removes what killed processes left half
 * made as well, and what was replaced. Throws the classes of `diskError`, and `ErrCanceled` when the signal fires.
 */
export async function sweepLayers(
  files: LayerFiles,
  options: SweepLayersOptions,
): Promise<readonly SweptLayer[]> {
  if (options.dryRun) return (await findLayers(files, options)).unused;
  const { layout } = files;
  const out: StagedDirectory[] = [];
  const release = await lockChanges(layout, "exclusive", options);
  let swept: readonly SweptLayer[];
  try {
    swept = await takeOut(files, out, options);
  } finally {
    release();
  }
  for (const directory of out) await directory.remove(); // takes long, and nobody has to wait for it
  await sweepReplaced(layout);
  await sweepStaging(layout);
  await sweepTemporaryFiles(layout.uses);
  await sweepShortNames(layout.layers);
  return swept;
}

/** How layers are looked for. */
export interface FindLayersOptions extends Omit<SweepLayersOptions, "dryRun"> {
  /** Takes no lock: what a sweep moves meanwhile is seen or not. Default false. */
  readonly unlocked?: boolean | undefined;
}

/** Tells what is there, and what a sweep would remove if nobody used it. Throws as `sweepLayers` does. */
export async function findLayers(
  files: LayerFiles,
  { isUsed, signal, unlocked = false }: FindLayersOptions,
): Promise<FoundLayers> {
  const release = unlocked ? () => {} : await lockChanges(files.layout, "shared", { signal });
  try {
    const all = await files.list();
    const records = byChainId(all);
    const kept = new Set<Digest>();
    for (const use of await new LayerUses(files.layout).list()) {
      if (await isUsed(use)) keep(use.chainId, records, kept);
    }
    const unused = uppermostFirst(records).filter(({ chainId }) => !kept.has(chainId));
    return { all, unused: unused.map(({ chainId, bytes }) => ({ chainId, bytes })) };
  } finally {
    release();
  }
}

/** Moves what goes into `out`. Meanwhile no layer becomes visible, and nobody begins to keep one. */
async function takeOut(
  files: LayerFiles,
  out: StagedDirectory[],
  options: SweepLayersOptions,
): Promise<readonly SweptLayer[]> {
  const mover = new Mover(files.layout, out);
  const records = byChainId(await files.list());
  const kept = await keptLayers(files, records, options);
  const swept: SweptLayer[] = [];
  await takeOutDamaged(files, records, mover);
  for (const { chainId, bytes } of uppermostFirst(records)) {
    throwIfAborted(options.signal);
    if (kept.has(chainId)) continue;
    if (await mover.move(chainId)) swept.push({ chainId, bytes });
    else keep(chainId, records, kept);
  }
  return swept;
}

function byChainId(all: readonly LayerRecord[]): ReadonlyMap<Digest, LayerRecord> {
  return new Map(all.map((record) => [record.chainId, record]));
}

/** What lies in the place of a layer and counts as none is in nobody's way, but takes room. */
async function takeOutDamaged(
  { layout }: LayerFiles,
  records: ReadonlyMap<Digest, LayerRecord>,
  mover: Mover,
): Promise<void> {
  for (const chainId of await layout.chainIds()) {
    if (!records.has(chainId)) await mover.move(chainId);
  }
}

/** Takes layers out of sight that nobody uses. */
class Mover {
  readonly #layout: LayerLayout;
  readonly #out: StagedDirectory[];
  /** Looked at when the first layer is to go: a sweep that removes nothing asks nothing. */
  #mounted: Promise<MountedLayers> | undefined;

  constructor(layout: LayerLayout, out: StagedDirectory[]) {
    this.#layout = layout;
    this.#out = out;
  }

  /** Whether the layer could be moved: not when a process uses it, or has mounted it. */
  async move(chainId: Digest): Promise<boolean> {
    const release = await tryLockAlone(this.#layout, chainId);
    if (!release) return false;
    try {
      this.#mounted ??= mountedLayers(this.#layout);
      if ((await this.#mounted).has(chainId)) return false;
      const directory = await stageAway(this.#layout, this.#layout.layerPath(chainId));
      if (directory) this.#out.push(directory);
      return true;
    } finally {
      release();
    }
  }
}

/** What users keep, with everything below. Users whose word does not count any more are forgotten. */
async function keptLayers(
  files: LayerFiles,
  records: ReadonlyMap<Digest, LayerRecord>,
  { isUsed }: SweepLayersOptions,
): Promise<Set<Digest>> {
  const uses = new LayerUses(files.layout);
  const kept = new Set<Digest>();
  for (const use of await uses.list()) {
    if (await isUsed(use)) keep(use.chainId, records, kept);
    else await uses.remove(use.user);
  }
  return kept;
}

/** Adds a layer and all below it. */
function keep(chainId: Digest, records: ReadonlyMap<Digest, LayerRecord>, kept: Set<Digest>): void {
  for (
    let at: Digest | undefined = chainId;
    at !== undefined && !kept.has(at);
    at = records.get(at)?.parent
  ) {
    kept.add(at);
  }
}

/** Each layer before the one that it lies on. */
function uppermostFirst(records: ReadonlyMap<Digest, LayerRecord>): readonly LayerRecord[] {
  const depths = new Map<Digest, number>();
  const depthOf = ({ chainId }: LayerRecord): number => depths.get(chainId) ?? 0;
  for (const record of records.values()) {
    const path: Digest[] = [];
    let at: Digest | undefined = record.chainId;
    while (at !== undefined && !depths.has(at) && !path.includes(at)) {
      path.push(at);
      at = records.get(at)?.parent;
    }
    const below = at === undefined ? 0 : (depths.get(at) ?? 0);
    for (const [index, chainId] of path.toReversed().entries()) depths.set(chainId, below + index + 1);
  }
  return [...records.values()].toSorted((a, b) => depthOf(b) - depthOf(a));
}
