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
}

/**
 * Reads docker's daemon.json; everything that is not about registries is ignored, and an empty file says nothing. Throws
 * `ErrInvalidArgument` with file, line and column.
 */
export function parseDaemonJson(text: string, path: string, checks: DaemonChecks): DaemonFile {
  const root = new ConfigurationTable(jsonDocument(text.trim() === "" ? "{}" : text, path));
  const proxies = root.table("proxies");
  return {
    mirrors: checked(root, "registry-mirrors", checks.mirror),
    insecureRegistries: checked(root, "insecure-registries", checks.insecureRegistry),
    proxies: proxies && {
      httpProxy: proxies.string("http-proxy") || undefined,
      httpsProxy: proxies.string("https-proxy") || undefined,
      noProxy: proxies.string("no-proxy") || undefined,
    },
    path,
  };
}

function checked(
  root: ConfigurationTable,
  name: string,
  check: (text: string) => unknown,
): readonly string[] {
  const values = root.strings(name);
  for (const value of values) {
    try {
      check(value);
    } catch (cause) {
      throw root.flaw(name, (cause as Error).message);
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
