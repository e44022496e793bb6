import type { AbortOptions } from "../../async/abort.ts";
import { type Digest, isDigest } from "../../digest/digest.ts";
import type { PullOptions } from "../../distribution/api/distribution.ts";
import { parsePlatform } from "../../platform/parse-platform.ts";
import type { Progress } from "../../progress/progress.ts";
import { isNameOnly, trimNamed, withDigest, withTag } from "../../reference/derive.ts";
import { familiarString } from "../../reference/familiar.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { ImageCatalog } from "../catalog/image-catalog.ts";
import { registryFailureOf } from "../http/failure.ts";
import { streamMessages } from "../http/message-stream.ts";
import { badParameter, Refusal } from "../http/refusal.ts";
import { metaHeaders, registryAuth } from "../http/registry-auth.ts";
import { tellingProgress } from "../http/telling-progress.ts";
import type { ApiCall } from "./api-call.ts";
import { askingRegistry } from "./asking-registry.ts";
import { PullMessages } from "./pull-messages.ts";

/** `POST /images/create`: a pull; all tags where none is named. */
export async function pullImage({ engine, query, request, response, signal }: ApiCall): Promise<void> {
  if (query.get("fromSrc"))
    throw new Refusal(501, "import a root file system: this engine keeps images as they were made");
  const name = query.get("fromImage") ?? "";
  if (name === "") throw badParameter("invalid reference format");
  const reference = wanted(name, query.get("tag") ?? "");
  const platform = query.get("platform") ?? "";
  if (platform !== "") parsePlatform(platform);
  const options: PullOptions = {
    allTags: isNameOnly(reference),
    platform: platform === "" ? undefined : platform,
    auth: registryAuth(request),
    metaHeaders: metaHeaders(request),
    signal,
  };
  await askingRegistry(() =>
    streamMessages(
      response,
      async (tell) => {
        const messages = new PullMessages();
        const before = await idOf(engine.catalog, reference, { signal });
        const { images } = await tellingProgress(
          tell,
          (progress: Progress) => messages.messageOf(progress),
          (onProgress) => engine.distribution.pull(reference.toString(), { ...options, onProgress }),
        );
        const isSame = isNameOnly(reference)
          ? !images.some(({ updated }) => updated)
          : before === (await idOf(engine.catalog, reference, { signal }));
        const status = isSame && !messages.hasPulled ? "Image is up to date" : "Downloaded newer image";
        await tell({ status: `Status: ${status} for ${familiarString(reference)}` });
      },
      { explain: registryFailureOf },
    ),
  );
}

/** The image that a name means here, if any: one with a digest also that which was pulled by a tag. */
async function idOf(
  catalog: ImageCatalog,
  reference: NormalizedReference,
  options: AbortOptions,
): Promise<Digest | undefined> {
  if (isNameOnly(reference)) return undefined;
  try {
    return (await catalog.find(reference.toString(), options)).id;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** The tag may be a digest, and then the name's own tag means nothing. */
function wanted(name: string, tag: string): NormalizedReference {
  const reference = parseNormalizedNamed(name);
  if (tag === "") return reference;
  const repository = trimNamed(reference);
  return isDigest(tag) ? withDigest(repository, tag) : withTag(repository, tag);
}
