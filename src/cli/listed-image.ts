import type { Distribution, IdentifiedImage } from "../index.ts";
import { familiarName, parseNormalizedNamed } from "../reference.ts";
import { formatBytes } from "./format-bytes.ts";
import type { FieldReader } from "./format-template.ts";

/** A name of the data root, and what is known of what it points at. */
export type ListedImage = Omit<IdentifiedImage, "names">;

/** The digits that docker shows of an ID. */
const SHORT_ID_DIGITS = 12;

/** All names, in their order. */
export async function listedImages(
  { images }: Distribution,
  signal: AbortSignal,
): Promise<readonly ListedImage[]> {
  const identified = await images.identify({ signal });
  const all = identified.flatMap(({ id, target, names }) => names.map((name) => ({ id, name, target })));
  return all.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

/** The fields of `docker images --format`, each found out when it is asked for. */
export function listedFields(
  distribution: Distribution,
  image: ListedImage,
  signal: AbortSignal,
): FieldReader {
  const { id, name, target } = image;
  const fields: Readonly<Record<string, () => unknown>> = {
    ID: () => id.slice(id.indexOf(":") + 1).slice(0, SHORT_ID_DIGITS),
    Name: () => name,
    Repository: () => partsOf(name).repository,
    Tag: () => partsOf(name).tag,
    Digest: () => target.digest,
    Size: async () => formatBytes(await distribution.sizeOf(target, { signal })),
    CreatedAt: async () => (await createdAt(distribution, name, signal)) ?? "N/A",
  };
  return (field) => (Object.hasOwn(fields, field) ? fields[field]?.() : undefined);
}

/** When an image was made, as its config says; `undefined` where that cannot be read. */
export async function createdAt(
  distribution: Distribution,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await distribution.inspect(name, { from: "local", signal })).created;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined; // one damaged image is no reason not to list the others
  }
}

function partsOf(name: string): { readonly repository: string; readonly tag: string } {
  try {
    const reference = parseNormalizedNamed(name);
    return { repository: familiarName(reference), tag: reference.tag ?? "<none>" };
  } catch {
    return { repository: name, tag: "<none>" }; // a name of another tool that is no reference
  }
}
