import { stat } from "node:fs/promises";
import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrFailedPrecondition, ErrNotImplemented } from "../../errors/classes.ts";
import { compareTrees } from "../compare/compare-trees.ts";
import { type LayerTree, readLayerTree } from "../tree/layer-tree.ts";
import { shownName } from "../unpack/entry-name.ts";
import { findGnuTar } from "../unpack/find-gnu-tar.ts";
import type { LayerLayout } from "./layer-layout.ts";
import { type LayerRecord, readLayerRecord } from "./layer-record.ts";
import type { CompleteLayer } from "./prepared-layer.ts";

/** How a layer differs from what its blob makes. */
export interface LayerDifferences {
  /** How many things differ. */
  readonly count: number;
  /** The first few of them, in words: `etc/motd: content, time`. */
  readonly examples: readonly string[];
}

/** Most differences that are told. */
const MAX_EXAMPLES = 8;

/** What of a record its blob and its place say. */
const RECORD_FACTS = ["diffId", "parent", "entries", "bytes"] as const;

/**
 * Compares a layer with one that was made again from the same blob, beside it: record, what it hides, and every entry with type,
 * permissions, owner, time, size, content, links, devices and extended attributes. Throws `ErrFailedPrecondition` when the layer
 * was made with other rights, so that it cannot be the same, `ErrNotImplemented` without GNU tar, `ErrCanceled`, and the
 * classes of `diskError`.
 */
export async function compareLayer(
  layout: LayerLayout,
  made: CompleteLayer,
  { signal }: AbortOptions,
): Promise<LayerDifferences> {
  const tar = await findGnuTar();
  if (tar === undefined) throw new ErrNotImplemented("verify layer: this needs GNU tar, and there is none");
  const { chainId } = made.record;
  const directory = layout.layerPath(chainId);
  const differences = new Differences();
  const visible = await visibleDamage(layout, chainId);
  if (visible !== undefined) differences.add(visible);
  if (!(await isDirectory(layout.treePath(directory)))) return differences;
  const record = await readLayerRecord(layout.recordPath(directory), chainId);
  if (record) differences.addFacts("layer.json", recordFacts(record, made.record));
  differences.addFacts("hidden.json", await hiddenFacts(layout, directory, made.directory));
  const [found, wanted] = [layout.treePath(directory), layout.treePath(made.directory)];
  const timeless = new Set(made.implicitParents);
  for await (const { name, what } of compareTrees(found, wanted, { timeless, tar, signal })) {
    differences.add(`${shownName(name) || "/"}: ${what}`);
  }
  return differences;
}

/**
 * What is wrong with a layer that anybody can see who looks at it, without its blob: `missing`, or which part of it is. Throws the
 * classes of `diskError`.
 */
export async function visibleDamage(layout: LayerLayout, chainId: Digest): Promise<string | undefined> {
  const directory = layout.layerPath(chainId);
  if (!(await isDirectory(directory))) return "missing";
  if (!(await isDirectory(layout.treePath(directory)))) return "fs: missing";
  const record = await readLayerRecord(layout.recordPath(directory), chainId);
  return record ? undefined : "layer.json: missing or damaged";
}

/** Counts all, and keeps the first few. */
class Differences implements LayerDifferences {
  readonly examples: string[] = [];
  count = 0;

  add(words: string): void {
    this.count++;
    if (this.examples.length < MAX_EXAMPLES) this.examples.push(words);
  }

  addFacts(file: string, facts: readonly string[]): void {
    if (facts.length > 0) this.add(`${file}: ${facts.join(", ")}`);
  }
}

function recordFacts(found: LayerRecord, wanted: LayerRecord): readonly string[] {
  const isOfThisHost =
    found.overlay === wanted.overlay && JSON.stringify(found.missing) === JSON.stringify(wanted.missing);
  if (!isOfThisHost) {
    const reason = "it was made with other rights, or on another file system, than this process has";
    throw new ErrFailedPrecondition(`verify layer ${found.chainId}: ${reason}`, { digest: found.chainId });
  }
  return RECORD_FACTS.filter((fact) => found[fact] !== wanted[fact]);
}

async function hiddenFacts(layout: LayerLayout, found: string, wanted: string): Promise<readonly string[]> {
  const ours = await readLayerTree(found, layout.treePath(found));
  const theirs = await readLayerTree(wanted, layout.treePath(wanted));
  return (["whiteouts", "opaque"] as const).filter((fact) => !isSame(ours[fact], theirs[fact]));
}

function isSame(some: LayerTree["opaque"], others: LayerTree["opaque"]): boolean {
  return some.size === others.size && [...some].every((name) => others.has(name));
}

/** Whether there is a directory that can be looked at. */
async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
