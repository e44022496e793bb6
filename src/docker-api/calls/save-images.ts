import type { AbortOptions } from "../../async/abort.ts";
import type { Image } from "../../images/image-store.ts";
import { formatPlatform } from "../../platform/format-platform.ts";
import { isNameOnly } from "../../reference/derive.ts";
import { parseAnyReference } from "../../reference/normalize.ts";
import type { ImageCatalog } from "../catalog/image-catalog.ts";
import { isMeant } from "../catalog/is-meant.ts";
import { badParameter, Refusal } from "../http/refusal.ts";
import type { ApiCall } from "./api-call.ts";
import { platformIn } from "./platform-in.ts";

/** Most names of one archive: each is looked up before the first byte. */
const MAX_NAMES = 1_000;

/** What may begin an ID, and is no repository that is here. */
const SHORT_ID = /^[0-9a-f]{4,64}$/;

/** `GET /images/NAME/get` and `GET /images/get?names=...`: an archive with one image or several. */
export async function saveImages({ engine, query, response, subject, signal }: ApiCall): Promise<void> {
  const { catalog, distribution, events } = engine;
  const texts = subject === "" ? query.getAll("names").flatMap((names) => names.split(",")) : [subject];
  if (texts.length === 0) throw badParameter("save images: got no names");
  if (texts.length > MAX_NAMES)
    throw badParameter(`save images: got ${texts.length} names, at most ${MAX_NAMES}`);
  const images = new Map<string, Image>();
  for (const text of texts) {
    for (const image of await imagesMeant(catalog, text, { signal })) images.set(image.name, image);
  }
  const platform = platformIn(query.get("platform"));
  response.writeHead(200, { "content-type": "application/x-tar" });
  await distribution.export([...images.keys()], response, {
    platform: platform && formatPlatform(platform),
    signal,
  });
  response.end();
  for (const image of images.values()) events.tell("save", image);
}

/** A repository alone means all of its tags, as for dockerd; an ID means the image under the first of its names. */
async function imagesMeant(
  catalog: ImageCatalog,
  text: string,
  options: AbortOptions,
): Promise<readonly Image[]> {
  const { domain, path, ...wanted } = parseAnyReference(text);
  if (path !== undefined && isNameOnly(wanted)) {
    const names = (await catalog.list(options)).flatMap((image) => image.names);
    const found = names.filter(({ reference }) => reference.domain === domain && reference.path === path);
    if (found.length > 0) return found;
    if (!SHORT_ID.test(text)) throw new Refusal(404, `No such image: ${text}`);
  }
  const { names } = await catalog.find(text, options);
  const meant = names.filter(({ reference }) => isMeant(reference, text));
  return meant.length > 0 ? meant : names.slice(0, 1);
}
