import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isTemporary } from "../../../../src/disk/temporary-files.ts";

interface Entry {
  readonly digest: string;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What may lie in `locks/` when nobody is at work. */
const LASTING_LOCKS = new Set(["epochs", "in-use", "index", "reserve"]);

/** Names below `path`; none when it is not there. */
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

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

/** Everything that an entry needs: its manifest with config and layers. */
function neededBy(root: string, { digest }: Entry, blobs: ReadonlySet<string>): readonly string[] {
  if (!blobs.has(digest)) return [digest];
  const text = readFileSync(join(root, "blobs", "sha256", digest.slice("sha256:".length)), "utf8");
  const { config, layers } = JSON.parse(text) as { config: Entry; layers: readonly Entry[] };
  return [digest, config.digest, ...layers.map((layer) => layer.digest)];
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

/** What names and namespaces of a root refer to and what is not there, and blobs with other bytes. */
export function lostContent(root: string): readonly string[] {
  const violations: string[] = [];
  const blobs = blobsOn(root, violations);
  for (const entry of entriesOf(root)) {
    const name = entry.annotations?.["org.opencontainers.image.ref.name"];
    for (const digest of neededBy(root, entry, blobs)) {
      if (!blobs.has(digest)) violations.push(`${name} needs ${digest}, which is gone`);
    }
  }
  for (const digest of ofNamespaces(root)) {
    if (!blobs.has(digest)) violations.push(`a namespace has ${digest}, which is gone`);
  }
  return violations;
}

/** What a root still remembers, although all work in it has ended and nobody was killed. */
export function unswept(root: string): readonly string[] {
  return namesIn(join(root, "sweep")).map((name) => `entry ${name} was not swept`);
}

/** What is left in a root that was pruned, although nothing refers to it. */
export function leftovers(root: string): readonly string[] {
  const violations: string[] = [];
  const blobs = blobsOn(root, violations);
  const needed = new Set([
    ...entriesOf(root).flatMap((entry) => neededBy(root, entry, blobs)),
    ...ofNamespaces(root),
  ]);
  for (const digest of blobs) if (!needed.has(digest)) violations.push(`blob ${digest} is left`);
  for (const name of namesIn(join(root, "ingest"))) violations.push(`ingest ${name} is left`);
  for (const name of namesIn(join(root, "sweep"))) violations.push(`entry ${name} to sweep is left`);
  const epochs = namesIn(join(root, "locks", "epochs"));
  if (epochs.length > 1) violations.push(`epochs ${epochs.join(", ")} are left`);
  for (const name of namesIn(join(root, "locks"))) {
    if (!LASTING_LOCKS.has(name)) violations.push(`lock ${name} is left`);
  }
  for (const name of namesIn(root)) if (name.endsWith(".tmp")) violations.push(`file ${name} is left`);
  return [...violations, ...leftHints(root, blobs)];
}

/** Hints about content that is gone. What a killed process was writing of one goes when it is old enough. */
function leftHints(root: string, blobs: ReadonlySet<string>): readonly string[] {
  return namesIn(join(root, "mounts", "sha256"))
    .filter((hex) => !isTemporary(hex) && !blobs.has(`sha256:${hex}`))
    .map((hex) => `mount sources of ${hex} are left`);
}
