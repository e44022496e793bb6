import { dirname, resolve } from "node:path";
import { ALL_CAPABILITIES, type Capability, capabilityOf } from "./capability.ts";
import { ConfigurationTable } from "./configuration-table.ts";
import { goDuration } from "./go-duration.ts";
import { hostBaseUrl } from "./host-url.ts";
import { parseToml, type TomlDocument } from "./toml-document.ts";

/** Most hosts that one file may name: they are tried one after another. */
const MAX_HOSTS = 100;

/** Longest `dial_timeout` that a timer can wait for, in milliseconds. */
const MAX_DIAL_TIMEOUT_MS = 2_147_483_647;

/** A file of a client certificate, and one of its key, which may be the same. Absolute paths. */
export interface ClientPair {
  readonly cert: string;
  readonly key: string;
}

/** What hosts.toml says about one host, or about `server`. */
export interface HostEntry {
  /** Where requests begin; `undefined` for a `server` that the file does not name: it is the registry itself. */
  readonly baseUrl: string | undefined;
  readonly capabilities: readonly Capability[];
  /** Files of authorities, absolute. */
  readonly ca: readonly string[];
  readonly client: readonly ClientPair[];
  /** `undefined` when the file does not say. */
  readonly skipVerify: boolean | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly dialTimeoutMs: number | undefined;
  /** `FILE:LINE:COLUMN`. */
  readonly place: string;
}

/** A hosts.toml: the hosts in the order to ask them, and `server` after all of them. */
export interface HostsFile {
  readonly hosts: readonly HostEntry[];
  readonly server: HostEntry;
}

/**
 * Reads containerd's hosts.toml. containerd takes the hosts in the order of their table headers, and puts what the root says
 * last; names that it does not know are ignored. Throws `ErrInvalidArgument` with file, line and column: containerd itself
 * leaves such a file out and asks the registry, which may be what the file is there to prevent.
 */
export async function parseHostsToml(text: string, path: string): Promise<HostsFile> {
  const document = await parseToml({ action: "Read hosts.toml", name: path, text });
  const root = new ConfigurationTable(document);
  const tables = root.table("host");
  const names = hostsInOrder(document);
  for (const name of tables?.names ?? []) {
    // containerd knows no such host and goes to the registry, without a word.
    if (!names.includes(name)) throw tables?.flaw(name, "wanted a table with a header of its own");
  }
  if (names.length > MAX_HOSTS) throw root.flaw("host", `got ${names.length}, wanted at most ${MAX_HOSTS}`);
  const hosts = names.flatMap((name) => tables?.table(name) ?? []);
  return {
    hosts: hosts.map((table, at) => readEntry(table, names[at], path)),
    server: readServer(root, path),
  };
}

/** The hosts that have a header of their own, or one below their own, each at its first place. */
function hostsInOrder({ places }: TomlDocument): readonly string[] {
  const headers = places.filter(({ isHeader, keys }) => isHeader && keys[0] === "host" && keys.length > 1);
  return [...new Set(headers.map(({ keys }) => String(keys[1])))];
}

function readServer(root: ConfigurationTable, path: string): HostEntry {
  const server = root.string("server");
  // Without a server the registry itself is meant, and that has its own path and everything that a registry can.
  const entry = readEntry(root, server === "" ? undefined : server, path);
  return entry.baseUrl === undefined ? { ...entry, capabilities: ALL_CAPABILITIES } : entry;
}

function readEntry(table: ConfigurationTable, url: string | undefined, path: string): HostEntry {
  const directory = dirname(path);
  const name = table.has("server") ? "server" : undefined;
  const overridePath = table.boolean("override_path");
  const baseUrl = url === undefined ? undefined : hostBaseUrl(url, { overridePath });
  if (typeof baseUrl === "object") throw table.flaw(name, baseUrl.flaw);
  return {
    baseUrl,
    capabilities: readCapabilities(table),
    ca: table.strings("ca", { orString: true }).map((file) => resolve(directory, file)),
    client: readClient(table, directory),
    skipVerify: table.boolean("skip_verify"),
    headers: readHeaders(table),
    dialTimeoutMs: readDialTimeout(table),
    place: table.placeOf(name),
  };
}

function readCapabilities(table: ConfigurationTable): readonly Capability[] {
  const words = table.strings("capabilities");
  const known = words.map((word) => {
    const capability = capabilityOf(word);
    if (capability !== undefined) return capability;
    throw table.flaw("capabilities", `got an unknown one, wanted ${ALL_CAPABILITIES.join(", ")}`);
  });
  return known.length === 0 ? ALL_CAPABILITIES : [...new Set(known)];
}

/** One file with both, or a list of such files and of pairs. */
function readClient(table: ConfigurationTable, directory: string): readonly ClientPair[] {
  const value = table.value("client") ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    const [cert, key, ...more] = typeof item === "string" ? [item, item] : Array.isArray(item) ? item : [];
    if (typeof cert !== "string" || typeof key !== "string" || cert === "" || more.length > 0) {
      throw table.flaw("client", "wanted a file, or a list of files and of pairs of certificate and key");
    }
    return { cert: resolve(directory, cert), key: resolve(directory, key === "" ? cert : key) };
  });
}

/** Several values of one header are one line, which means the same (RFC 9110, section 5.3). */
function readHeaders(table: ConfigurationTable): Readonly<Record<string, string>> {
  const headers = table.table("header");
  const pairs = (headers?.names ?? []).map((name) => {
    const values = headers?.strings(name, { orString: true }) ?? [];
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw headers?.flaw(name, "not the name of a header");
    if (values.some((value) => /[^\t\x20-\x7e\x80-\xff]/.test(value))) {
      throw headers?.flaw(name, "a value has characters that no header may have");
    }
    return [name, values.join(", ")] as const;
  });
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""));
}

function readDialTimeout(table: ConfigurationTable): number | undefined {
  const text = table.string("dial_timeout");
  if (text === undefined) return undefined;
  const milliseconds = goDuration(text);
  if (milliseconds === undefined || milliseconds > MAX_DIAL_TIMEOUT_MS) {
    throw table.flaw("dial_timeout", "wanted a duration such as 5s or 1m30s");
  }
  // In Go 0 is no limit at all; the transport's own one is meant then.
  return milliseconds === 0 ? undefined : Math.max(1, Math.round(milliseconds));
}
