import { type BackoffPolicy, nextDelayMs } from "../../async/backoff.ts";
import { systemClock } from "../../async/clock.ts";
import { waitOut } from "../../async/wait-patiently.ts";
import type { WaitOptions } from "../../async/waiting.ts";
import { NS_PER_MS, nowNs } from "../../async/wall-clock.ts";
import { isContaining, type SetAside } from "../../content/containing-store.ts";
import { ingestedBytes } from "../../content/ingested-bytes.ts";
import type { ContentOwner } from "../../content/ownership/content-owner.ts";
import {
  type AbandonedIngest,
  type AbandonedOptions,
  isCollected,
  isOwned,
} from "../../content/ownership/owned-store.ts";
import type { Info, Store } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import type { Digest } from "../../digest/digest.ts";
import { LOCK_BACKOFF } from "../../disk/file-lock.ts";
import { waiting } from "../api/operation.ts";
import type { PruneOptions, PruneResult } from "../api/prune-result.ts";

/**
 * Age from which on unreferenced content is pruned unless told otherwise, in milliseconds: a pull that broke
 * off yesterday is not resumed.
 */
const DEFAULT_MIN_AGE_MS = 24 * 60 * 60 * 1000;

/** Waiting for work to end, as long as the signal allows: random below 16 ms, doubling to 512 ms. */
const IDLE_BACKOFF: BackoffPolicy = { ...LOCK_BACKOFF, maxMs: 512 };

/** What people are shown meanwhile. */
const REASON = { code: "work", words: "Waiting for work that began earlier" } as const;

/** What a prune works on. */
export interface PruneContext {
  readonly content: Store;
  readonly owner: ContentOwner;
  /** What is remembered about content, and means nothing without it. */
  readonly hints: readonly Hints[];
}

/** What is remembered about content. */
export interface Hints {
  /** Forgets what is remembered about content that is not here. */
  prune(isHere: (digest: Digest) => Promise<boolean>): Promise<void>;
}

/**
 * Removes content that no name and no namespace needs, ingests that nobody goes on with, and damaged bytes that
 * were set aside. What lost its name is removed whatever its age. Waits until the work has ended that was
 * running when it began; what work that began later wants is kept. A dry run does not wait. When the signal
 * fires, content that was found is removed by others, when that work has ended. Of a store that somebody else
 * looks after nothing is removed.
 */
export async function prune(
  context: PruneContext,
  options: PruneOptions,
): Promise<Omit<PruneResult, "layers">> {
  const { content, owner, hints } = context;
  const { minAgeMs = DEFAULT_MIN_AGE_MS, dryRun = false, signal } = options;
  if (isCollected(content)) return { deleted: [], abortedIngests: [], discarded: [], reclaimedBytes: 0 };
  const isOld = olderThan(minAgeMs);
  const unneeded = await findUnneeded(context, { isOld, signal });
  if (!dryRun) await deleteAll(context, unneeded, waiting(options));
  const deleted: Info[] = [];
  for (const info of unneeded) if (dryRun || !(await owner.has(info.digest))) deleted.push(info);
  const ingests = await sweepIngests(content, { isOld, dryRun, signal });
  const discarded = await discardSetAside(content, { isOld, dryRun, signal });
  for (const each of dryRun ? [] : hints) await each.prune((digest) => owner.has(digest));
  const sizes = [...deleted.map(({ size }) => size), ...[...ingests, ...discarded].map(({ bytes }) => bytes)];
  return {
    deleted: deleted.map(({ digest }) => digest),
    abortedIngests: ingests.map(({ ref }) => ref),
    discarded: discarded.flatMap(({ digest }) => digest ?? []),
    reclaimedBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/**
 * Whether something of a time on disk is old enough, as of now: what comes meanwhile is not. A time that is still to come was
 * written by a clock that has been set back since, and tells nothing: such things go where age does not matter.
 */
function olderThan(minAgeMs: number): AbandonedOptions["isOld"] {
  const beforeNs = nowNs() - BigInt(Math.round(minAgeMs)) * NS_PER_MS;
  return (timeNs) => timeNs <= beforeNs || (minAgeMs === 0 && timeNs > nowNs());
}

/** Databases stay: what was lost with one is a person's to judge. */
async function discardSetAside(
  store: Store,
  { isOld, dryRun }: AbandonedOptions,
): Promise<readonly SetAside[]> {
  if (!isContaining(store)) return [];
  const found: SetAside[] = [];
  for (const aside of await store.listSetAside()) {
    if (aside.digest === undefined || !isOld(aside.sinceNs)) continue;
    if (!dryRun) await store.discardSetAside(aside.digest);
    found.push(aside);
  }
  return found;
}

/** What nothing needs as things are now, and is old enough or has lost a name. */
async function findUnneeded(
  { content, owner }: PruneContext,
  { isOld, signal }: AbandonedOptions,
): Promise<readonly Info[]> {
  const remembered = await owner.remembered();
  const isNeeded = await owner.needs();
  const unneeded: Info[] = [];
  for await (const info of content.walk({ signal })) {
    const { digest, createdAtNs } = info;
    if (!isOld(createdAtNs) && !remembered.has(digest)) continue;
    if (!(await isNeeded(digest))) unneeded.push(info);
  }
  return unneeded;
}

/** Newer work wants what is still there in the end. */
async function deleteAll(
  { owner }: PruneContext,
  unneeded: readonly Info[],
  options: WaitOptions,
): Promise<void> {
  const sweep = await owner.condemn(
    unneeded.map(({ digest }) => digest),
    options,
  );
  const untilAllIsGone = async (): Promise<void> => {
    for (let attempt = 1; !(await sweep(options)); attempt++) {
      await systemClock.sleep(nextDelayMs(IDLE_BACKOFF, attempt) ?? 0, { signal: options.signal });
    }
  };
  await waitOut(untilAllIsGone(), { reason: REASON, waiter: options.waiter });
}

async function sweepIngests(store: Store, options: AbandonedOptions): Promise<readonly AbandonedIngest[]> {
  if (isOwned(store)) return await store.sweepIngests(options);
  const statuses = await store.listStatuses({ signal: options.signal });
  const abandoned = statuses.filter(({ updatedAtNs }) => options.isOld(updatedAtNs));
  if (!options.dryRun) for (const { ref } of abandoned) await unlessNotFound(store.abort(ref));
  return abandoned.map((status) => ({ ref: status.ref, bytes: ingestedBytes(status) }));
}
