import { join } from "node:path";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import { parseRegistriesConf, type RegistriesFile, type RegistryEntry } from "./registries-conf.ts";

/**
 * What all the files say together: of each prefix the last table. A directory stands for its `*.conf`, in the order of their
 * names. Places that are not there say nothing. Throws what `parseRegistriesConf` throws.
 */
export async function readRegistries(
  files: ConfigurationFiles,
  places: readonly string[],
): Promise<readonly RegistryEntry[]> {
  const byPrefix = new Map<string, RegistryEntry>();
  const contents = await readAll(files, places);
  for (const entry of contents.flatMap(({ registries }) => registries)) byPrefix.set(entry.prefix, entry);
  return [...byPrefix.values()];
}

/** The helpers that hold credentials of every host: those of the last file that names some. Throws as `readRegistries` does. */
export async function credentialHelpers(
  files: ConfigurationFiles,
  places: readonly string[],
): Promise<readonly string[] | undefined> {
  const contents = await readAll(files, places);
  return contents.findLast((content) => content.credentialHelpers.length > 0)?.credentialHelpers;
}

/** The files at `places`. Throws the classes of `diskError`. */
export async function registriesPaths(
  files: ConfigurationFiles,
  places: readonly string[],
): Promise<readonly string[]> {
  return (await Promise.all(places.map((place) => filesAt(files, place)))).flat();
}

async function readAll(
  files: ConfigurationFiles,
  places: readonly string[],
): Promise<readonly RegistriesFile[]> {
  const paths = await registriesPaths(files, places);
  const contents = await Promise.all(paths.map((path) => files.read(path, parseRegistriesConf)));
  return contents.filter((content) => content !== undefined);
}

async function filesAt(files: ConfigurationFiles, place: string): Promise<readonly string[]> {
  if (!(await files.isDirectory(place))) return [place];
  const names = await files.names(place);
  return names.filter((name) => name.endsWith(".conf")).map((name) => join(place, name));
}
