import { ErrFailedPrecondition } from "../errors.ts";
import type { AbortOptions, ImageLookup } from "../index.ts";
import { parseAnyReference, parseDockerRef, parseNormalizedNamed } from "../reference.ts";

/** How names are taken away. */
export interface NamesMeantOptions extends AbortOptions {
  /** Whether an ID stands for names of several repositories too. */
  readonly force: boolean;
}

/**
 * The names that a removal means: the one that is given; with a digest all those of its repository that point there; of an ID all names
 * of that image. Throws as `images.find` does, and `ErrFailedPrecondition`, as docker does, for an ID with names of several
 * repositories that nobody insists on.
 */
export async function namesMeant(
  images: ImageLookup,
  text: string,
  { force, signal }: NamesMeantOptions,
): Promise<readonly string[]> {
  const { id, name, names } = await images.find(text, { signal });
  if (name === text) return [name];
  const { path, digest } = parseAnyReference(text);
  if (path !== undefined && name === parseDockerRef(text).toString()) return [name];
  if (path !== undefined && digest !== undefined) {
    return names.filter((candidate) => repositoryOf(candidate) === repositoryOf(text));
  }
  const same = (await images.identify({ signal })).filter((image) => image.id === id);
  const all = same.flatMap((image) => image.names);
  if (!force && new Set(all.map(repositoryOf)).size > 1) {
    throw new ErrFailedPrecondition(
      `remove image ${text}: got names of several repositories, wanted --force: ${all.join(", ")}`,
      { reference: text },
    );
  }
  return all;
}

function repositoryOf(name: string): string {
  try {
    const { domain, path } = parseNormalizedNamed(name);
    return `${domain}/${path}`;
  } catch {
    return name; // one of another tool, which is no reference
  }
}
