import { JsonText } from "../files/json-text.ts";
import { type ConfigurationDocument, ConfigurationTable } from "./configuration-table.ts";

/** What of docker's daemon.json is about registries. */
export interface DaemonFile {
  /** Mirrors of Docker Hub. */
  readonly mirrors: readonly string[];
  /** host[:port] or CIDR. */
  readonly insecureRegistries: readonly string[];
  readonly proxies: DaemonProxies | undefined;
  readonly path: string;
}

/** The `proxies` of daemon.json. */
export interface DaemonProxies {
  readonly httpProxy: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly noProxy: string | undefined;
}

/** What the parts of a `DaemonFile` are checked by; each throws for a value that cannot be used. */
export interface DaemonChecks {
  readonly mirror: (text: string) => unknown;
  readonly insecureRegistry: (text: string) => unknown;
  readonly proxy: (text: string) => unknown;
}

/**
 * Reads docker's daemon.json; everything that is not about registries is ignored, and an empty file says nothing. Throws
 * `ErrInvalidArgument` with file, line and column.
 */
export function parseDaemonJson(text: string, path: string, checks: DaemonChecks): DaemonFile {
  const root = new ConfigurationTable(jsonDocument(text.trim() === "" ? "{}" : text, path));
  return {
    mirrors: checked(root, "registry-mirrors", root.strings("registry-mirrors"), checks.mirror),
    insecureRegistries: checked(
      root,
      "insecure-registries",
      root.strings("insecure-registries"),
      checks.insecureRegistry,
    ),
    proxies: readProxies(root.table("proxies"), checks.proxy),
    path,
  };
}

/** `undefined` where no proxy is named. */
function readProxies(
  table: ConfigurationTable | undefined,
  check: DaemonChecks["proxy"],
): DaemonProxies | undefined {
  const [httpProxy, httpsProxy] = ["http-proxy", "https-proxy"].map((name) => {
    const value = table?.string(name) || undefined;
    return value && table && checked(table, name, [value], check)[0];
  });
  const noProxy = table?.string("no-proxy") || undefined;
  return httpProxy || httpsProxy ? { httpProxy, httpsProxy, noProxy } : undefined;
}

/** `values`, when none of them is wrong. */
function checked(
  table: ConfigurationTable,
  name: string,
  values: readonly string[],
  check: (text: string) => unknown,
): readonly string[] {
  for (const value of values) {
    try {
      check(value);
    } catch (cause) {
      throw table.flaw(name, (cause as Error).message);
    }
  }
  return values;
}

function jsonDocument(text: string, path: string): ConfigurationDocument {
  const json = new JsonText({ action: "Read docker's daemon.json", name: path, text });
  return {
    root: json.parse(),
    placeOf: () => path,
    invalid: (keys, reason) => json.invalid(keys, reason),
  };
}
