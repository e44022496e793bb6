import type { AbortOptions } from "../../async/abort.ts";
import { readText } from "../files/read-text.ts";
import { dockerConfigFile } from "./credential-files.ts";
import { parseAuthFile } from "./stored-credentials.ts";

/** What docker's engine passes on to registries of the headers that its command line sends it. */
const META_HEADER = /^x-meta-/i;

/**
 * The `HttpHeaders` of docker's `config.json` that a pull or push takes to the registry as its `metaHeaders`. docker's
 * command line sends all of them to its engine, and that passes on those named `X-Meta-*`; the others are not for
 * registries. Throws what `storedCredentials` says of a malformed file.
 */
export async function dockerMetaHeaders(
  dockerConfigDir: string,
  options: AbortOptions = {},
): Promise<Readonly<Record<string, string>>> {
  const place = dockerConfigFile(dockerConfigDir);
  const text = await readText(place.name, { ...options, action: place.action });
  const file = text === undefined ? undefined : await parseAuthFile(place, text);
  const headers = Object.entries(file?.httpHeaders() ?? {});
  return Object.fromEntries(headers.filter(([name]) => META_HEADER.test(name)));
}
