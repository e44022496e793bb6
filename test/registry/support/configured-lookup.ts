import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseDockerRef } from "../../../src/reference/normalize.ts";
import { storedCredentials } from "../../../src/registry/credentials/stored-credentials.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import { lookupEndpoints } from "../../../src/registry/endpoints/lookup-endpoints.ts";
import type { RegistryOptions } from "../../../src/registry/endpoints/registry-options.ts";
import { selfSigned } from "../../../src/testing.ts";
import type { Row } from "../endpoints/rows/row.ts";

const [ca, otherCa, client] = [selfSigned(), selfSigned(), selfSigned()];

/** What `@...` in the rows stands for. */
export const PEM: Readonly<Record<string, string>> = {
  "@ca": ca.cert,
  "@other-ca": otherCa.cert,
  "@client.cert": client.cert,
  "@client.key": client.key,
  "@client.both": `${client.cert}${client.key}`,
};

/** Files of a row on the disk. */
export interface ConfiguredFolder extends AsyncDisposable {
  readonly folder: string;
  /** The options that name them. */
  readonly options: RegistryOptions;
}

/** Writes the files of a row into a folder of their own. */
export async function configuredFolder(row: Row, pem = PEM): Promise<ConfiguredFolder> {
  const folder = await mkdtemp(join(tmpdir(), "drayage-configured-"));
  for (const [path, text] of Object.entries(row.files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), pem[text] ?? text);
  }
  const has = (prefix: string): boolean => Object.keys(row.files).some((path) => path.startsWith(prefix));
  const below = (...names: readonly string[]): string[] =>
    names.filter(has).map((name) => join(folder, name));
  const options: RegistryOptions = {
    hostsDir: below("hosts/", "hosts-1/", "hosts-2/"),
    certsDir: below("certs/", "certs-1/", "certs-2/"),
    registriesConf: below("registries.conf", "registries.conf.d/"),
    daemonConfig: has("daemon.json") ? join(folder, "daemon.json") : undefined,
    ...row.options,
  };
  return { folder, options, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** The endpoints of a row, in words, with the user of each. */
export async function describedEndpoints(row: Row): Promise<readonly string[]> {
  await using configured = await configuredFolder(row);
  const { folder, options } = configured;
  const reference = parseDockerRef(row.reference);
  try {
    const endpoints = await lookupEndpoints(reference, options, row.push ? "push" : "pull");
    const place = { authFile: join(folder, "auth.json"), dockerConfigDir: folder };
    const source = storedCredentials(place);
    return await Promise.all(
      endpoints.map(async (endpoint) => {
        const { credentialHost, repository = reference.path } = endpoint;
        const found = await source(credentialHost, { repository });
        return [describeEndpoint(endpoint), found?.username && `user=${found.username}`]
          .filter(Boolean)
          .join(" ");
      }),
    );
  } catch (error) {
    throw new Error((error as Error).message.replaceAll(`${folder}/`, ""), { cause: error });
  }
}

/** An endpoint in one line: its base URL, then what is particular about it. */
export function describeEndpoint(endpoint: Endpoint): string {
  const { baseUrl, mirror, capabilities, credentialHost, namespace, repository, tls } = endpoint;
  const { foreign, headers = {}, connectTimeoutMs } = endpoint;
  return [
    baseUrl,
    mirror && "mirror",
    tls?.skipVerify && "unverified",
    capabilities.length < 4 && capabilities.join("+"),
    namespace !== undefined && `ns=${namespace}`,
    repository !== undefined && `repo=${repository}`,
    foreign && "foreign",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    tls?.ca && `ca=${namesOf(tls.ca)}`,
    tls?.cert !== undefined && `cert=${namesOf(tls.cert)}`,
    tls?.key !== undefined && `key=${namesOf(tls.key)}`,
    connectTimeoutMs !== undefined && `dial=${connectTimeoutMs}`,
    credentialHost !== new URL(baseUrl).host && `as ${credentialHost}`,
  ]
    .filter(Boolean)
    .join(" ");
}

function namesOf(texts: string | readonly string[]): string {
  const names = [texts].flat().map((text) => Object.keys(PEM).find((name) => PEM[name] === text) ?? text);
  return names.join(",");
}
