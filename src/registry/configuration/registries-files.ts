import { join } from "node:path";
import type { ConfigurationFiles } from "./configuration-files.ts";
import { parseRegistriesConf, type RegistryEntry } from "./registries-conf.ts";

/**
 * What all the files say together: of each prefix the last table. A directory stands for its `*.conf`, in the order of their
 * names. Places that are not there say nothing. Throws what `parseRegistriesConf` throws.
 */
export async function readRegistries(
  files: ConfigurationFiles,
  places: readonly string[],
): Promise<readonly RegistryEntry[]> {
  const paths = (await Promise.all(places.map((place) => filesAt(files, place)))).flat();
  const contents = await Promise.all(paths.map((path) => files.read(path, parseRegistriesConf)));
  const byPrefix = new Map<string, RegistryEntry>();
  for (const entry of contents.flatMap((content) => content?.registries ?? []))
    byPrefix.set(entry.prefix, entry);
  return [...byPrefix.values()];
}

async function filesAt(files: ConfigurationFiles, place: string): Promise<readonly string[]> {
  if (!(await files.isDirectory(place))) return [place];
  const names = await files.names(place);
  return names.filter((name) => name.endsWith(".conf")).map((name) => join(place, name));
}
