import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isTemporary } from "../../../../src/disk/temporary-files.ts";
import { needsLayerBlobs } from "../../../../src/oci/annotations.ts";
import { isLockOfLayer, type KnownLayers, leftLayers, lostLayers, namesIn } from "./layers-of-root.ts";

interface Entry {
  readonly digest: string;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What may lie in `locks/` when nobody is at work. */
const LASTING_LOCKS = new Set(["epochs", "in-use", "index", "layers", "reserve"]);

/** Digests of the blobs on disk; a blob that is not what its name says is a violation. */
function blobsOn(root: string, violations: string[]): Set<string> {
  const names = namesIn(join(root, "blobs", "sha256"));
  for (const name of names) {
    const hash = createHash("sha256").update(readFileSync(join(root, "blobs", "sha256", name)));
    if (hash.digest("hex") !== name) violations.push(`blob ${name} has other bytes`);
  }
  return new Set(names.map((name) => `sha256:${name}`));
}

function entriesOf(root: string): readonly Entry[] {
  return JSON.parse(readFileSync(join(root, "index.json"), "utf8")).manifests;
}

/** The config of an entry and everything below it; nothing when its manifest is gone. */
function below(
  root: string,
  { digest }: Entry,
): { readonly config?: string; readonly layers: readonly string[] } {
  try {
    const text = readFileSync(join(root, "blobs", "sha256", digest.slice("sha256:".length)), "utf8");
    const { config, layers } = JSON.parse(text) as { config: Entry; layers: readonly Entry[] };
    return { config: config.digest, layers: layers.map((layer) => layer.digest) };
  } catch {
    return { layers: [] };
  }
}

/** Everything that an entry needs as blobs: its manifest with config and, unless they are unpacked for it, layers. */
function neededBy(root: string, entry: Entry): readonly string[] {
  const { config, layers } = below(root, entry);
  return [entry.digest, ...(config ? [config] : []), ...(needsLayerBlobs(entry) ? layers : [])];
}

/** Everything that an entry leads to. */
function mentionedBy(root: string, entry: Entry): readonly string[] {
  return neededBy(root, { ...entry, annotations: {} });
}

/** What names and namespaces of a root need as blobs. */
function neededOf(root: string): ReadonlySet<string> {
  return new Set([...entriesOf(root).flatMap((entry) => neededBy(root, entry)), ...ofNamespaces(root)]);
}

function ofNamespaces(root: string): readonly string[] {
  const database = new DatabaseSync(join(root, "meta.db"));
  try {
    const rows = database.prepare("SELECT digest FROM namespace_blobs WHERE namespace <> ''").all();
    return rows.map((row) => String(row["digest"]));
  } catch {
    return []; // nobody has written anything yet
  } finally {
    database.close();
  }
}

/** What names and namespaces of a root refer to and what is not there, and blobs and layers that are something else. */
export function lostContent(root: string, known: KnownLayers): readonly string[] {
  const violations: string[] = [];
  const blobs = blobsOn(root, violations);
  for (const entry of entriesOf(root)) {
    const name = entry.annotations?.["org.opencontainers.image.ref.name"];
    for (const digest of neededBy(root, entry)) {
      if (!blobs.has(digest)) violations.push(`${name} needs ${digest}, which is gone`);
    }
  }
  for (const digest of ofNamespaces(root)) {
    if (!blobs.has(digest)) violations.push(`a namespace has ${digest}, which is gone`);
  }
  const alone = entriesOf(root).filter((entry) => !needsLayerBlobs(entry));
  const configs = alone.flatMap((entry) => below(root, entry).config ?? []);
  return [...violations, ...lostLayers(root, { needed: neededOf(root), alone: configs }, known)];
}

/** What a root still remembers, although all work in it has ended and nobody was killed. */
export function unswept(root: string): readonly string[] {
  return namesIn(join(root, "sweep")).map((name) => `entry ${name} was not swept`);
}

/** What is left in a root that was pruned, although nothing refers to it. */
export function leftovers(root: string, known: KnownLayers): readonly string[] {
  const violations: string[] = [];
  const blobs = blobsOn(root, violations);
  const needed = neededOf(root);
  for (const digest of blobs) if (!needed.has(digest)) violations.push(`blob ${digest} is left`);
  for (const name of namesIn(join(root, "ingest"))) violations.push(`ingest ${name} is left`);
  for (const name of namesIn(join(root, "sweep"))) violations.push(`entry ${name} to sweep is left`);
  const epochs = namesIn(join(root, "locks", "epochs"));
  if (epochs.length > 1) violations.push(`epochs ${epochs.join(", ")} are left`);
  for (const name of namesIn(join(root, "locks"))) {
    if (!LASTING_LOCKS.has(name) && !isLockOfLayer(root, name)) violations.push(`lock ${name} is left`);
  }
  for (const name of namesIn(root)) if (name.endsWith(".tmp")) violations.push(`file ${name} is left`);
  return [...violations, ...leftHints(root, blobs), ...leftLayers(root, needed, known)];
}

/** Hints about content that is gone and that no name leads to. What a killed process was writing of one goes when it is old enough. */
function leftHints(root: string, blobs: ReadonlySet<string>): readonly string[] {
  const mentioned = new Set(entriesOf(root).flatMap((entry) => mentionedBy(root, entry)));
  return namesIn(join(root, "mounts", "sha256"))
    .filter((hex) => !isTemporary(hex) && !blobs.has(`sha256:${hex}`) && !mentioned.has(`sha256:${hex}`))
    .map((hex) => `mount sources of ${hex} are left`);
}
