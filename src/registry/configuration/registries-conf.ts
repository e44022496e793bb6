import { ConfigurationTable } from "./configuration-table.ts";
import { parseToml } from "./toml-document.ts";

/** Most registries and mirrors that one file may name: each reference is compared with all of them. */
const MAX_REGISTRIES = 4_096;

/** Which references a mirror is asked for. */
export type PullFromMirror = "all" | "digest-only" | "tag-only";

/** A place that has the repositories of a registry. */
export interface RegistryPlace {
  /** host[:port][/path], put in the place of the prefix; empty when the name stays as it is. */
  readonly location: string;
  /** HTTPS without a check of the certificate, then plain HTTP. */
  readonly insecure: boolean;
  /** `FILE:LINE:COLUMN`. */
  readonly place: () => string;
}

/** A mirror, and what it is asked for. */
export interface RegistryMirror extends RegistryPlace {
  readonly pullFrom: PullFromMirror;
}

/** One `[[registry]]`. */
export interface RegistryEntry extends RegistryPlace {
  /** What names begin with, or `*.domain`. */
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly RegistryMirror[];
}

/** A registries.conf, in its own order. */
export interface RegistriesFile {
  readonly registries: readonly RegistryEntry[];
  /** Credential helpers of every host, in the order to ask; none where the file does not say. */
  readonly credentialHelpers: readonly string[];
}

/**
 * Reads a registries.conf of version 2 (containers-registries.conf(5)). Names that it does not know are ignored, and so are
 * those for short names, because references are in full form here. A file of version 1 counts as what it says in words of
 * version 2. Throws `ErrInvalidArgument` with file, line and column.
 */
export async function parseRegistriesConf(text: string, path: string): Promise<RegistriesFile> {
  const root = new ConfigurationTable(await parseToml({ action: "Read registries.conf", name: path, text }));
  const credentialHelpers = readCredentialHelpers(root);
  if (root.has("registries")) return { registries: readVersion1(root), credentialHelpers };
  const tables = root.tables("registry");
  const registries = tables.map(readRegistry);
  const count = registries.reduce((sum, { mirrors }) => sum + 1 + mirrors.length, 0);
  if (count > MAX_REGISTRIES) throw root.flaw("registry", `got ${count}, wanted at most ${MAX_REGISTRIES}`);
  checkConflicts(registries, tables);
  return { registries: firstOfEach(registries), credentialHelpers };
}

function readCredentialHelpers(root: ConfigurationTable): readonly string[] {
  const names = root.strings("credential-helpers");
  if (names.every((name) => /^[\w.-]+$/.test(name))) return names;
  throw root.flaw("credential-helpers", "wanted names, as secretservice for docker-credential-secretservice");
}

/** `[registries.insecure]` and `[registries.block]`, lists of registries. */
function readVersion1(root: ConfigurationTable): readonly RegistryEntry[] {
  if (root.has("registry"))
    throw root.flaw("registries", "got a table of version 1 beside [[registry]] of version 2");
  const lists = root.table("registries");
  const insecure = lists?.table("insecure")?.strings("registries") ?? [];
  const blocked = lists?.table("block")?.strings("registries") ?? [];
  return [...new Set([...insecure, ...blocked])].map((prefix) => ({
    prefix,
    location: prefix,
    insecure: insecure.includes(prefix),
    blocked: blocked.includes(prefix),
    mirrors: [],
    place: () => root.placeOf("registries"),
  }));
}

function readRegistry(table: ConfigurationTable): RegistryEntry {
  const location = readLocation(table, "location");
  const prefix = readLocation(table, "prefix") || location;
  if (prefix === "") throw table.flaw(undefined, "wanted a location or a prefix");
  const isWildcard = prefix.startsWith("*.");
  if (location === "" && !isWildcard)
    throw table.flaw("location", "wanted one, it may only be left out for *.");
  if (isWildcard && /[:/@]/.test(prefix)) throw table.flaw("prefix", "wanted a domain alone behind *.");
  if (!isWildcard && prefix.includes("*"))
    throw table.flaw("prefix", "wanted * at the beginning only, as *.domain");
  if (table.has("pull-from-mirror")) throw table.flaw("pull-from-mirror", "belongs to a mirror");
  const byDigestOnly = table.boolean("mirror-by-digest-only") ?? false;
  return {
    prefix,
    location,
    insecure: table.boolean("insecure") ?? false,
    blocked: table.boolean("blocked") ?? false,
    mirrors: table.tables("mirror").map((mirror) => readMirror(mirror, byDigestOnly)),
    place: () => table.placeOf(),
  };
}

function readMirror(table: ConfigurationTable, byDigestOnly: boolean): RegistryMirror {
  const location = readLocation(table, "location");
  if (location === "") throw table.flaw("location", "wanted one");
  return {
    location,
    insecure: table.boolean("insecure") ?? false,
    pullFrom: readPullFrom(table, byDigestOnly),
    place: () => table.placeOf(),
  };
}

function readPullFrom(table: ConfigurationTable, byDigestOnly: boolean): PullFromMirror {
  const text = table.string("pull-from-mirror");
  if (text === undefined) return byDigestOnly ? "digest-only" : "all";
  if (byDigestOnly) throw table.flaw("pull-from-mirror", "not together with mirror-by-digest-only");
  if (text === "all" || text === "digest-only" || text === "tag-only") return text;
  throw table.flaw("pull-from-mirror", "wanted all, digest-only or tag-only");
}

function readLocation(table: ConfigurationTable, name: string): string {
  const text = (table.string(name) ?? "").replace(/\/+$/, "");
  if (/^[a-z]+:\/\//i.test(text)) throw table.flaw(name, "wanted host[:port][/path] without a scheme");
  if (/[\s\\?#]/.test(text)) throw table.flaw(name, "wanted host[:port][/path]");
  return text;
}

/** One place cannot be secure and not, or blocked and not. */
function checkConflicts(registries: readonly RegistryEntry[], tables: readonly ConfigurationTable[]): void {
  const known = new Map<string, RegistryEntry>();
  for (const [at, entry] of registries.entries()) {
    if (entry.location === "") continue;
    const other = known.get(entry.location) ?? entry;
    known.set(entry.location, other);
    const name = other.insecure !== entry.insecure ? "insecure" : "blocked";
    if (other[name] === entry[name]) continue;
    throw tables[at]?.flaw(name, "differs from what another table says of this location");
  }
}

function firstOfEach(registries: readonly RegistryEntry[]): readonly RegistryEntry[] {
  const first = new Map<string, RegistryEntry>();
  for (const entry of registries) if (!first.has(entry.prefix)) first.set(entry.prefix, entry);
  return [...first.values()];
}
