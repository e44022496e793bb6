import type { ImageStore } from "../../images/image-store.ts";
import { formatPlatform } from "../../platform/format-platform.ts";
import { toDockerMessage } from "../../progress/docker-message.ts";
import type { Progress } from "../../progress/progress.ts";
import { isNameOnly, trimNamed, withTag } from "../../reference/derive.ts";
import { familiarName, familiarString } from "../../reference/familiar.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { registryFailureOf } from "../http/failure.ts";
import { streamMessages, type Tell } from "../http/message-stream.ts";
import { Refusal } from "../http/refusal.ts";
import { metaHeaders, registryAuth } from "../http/registry-auth.ts";
import { tellingProgress } from "../http/telling-progress.ts";
import type { ApiCall } from "./api-call.ts";
import { platformIn } from "./platform-in.ts";

/** `POST /images/NAME/push`: one tag, or all of the repository where none is named. */
export async function pushImage(call: ApiCall): Promise<void> {
  const { query, response, subject } = call;
  const tag = query.get("tag") ?? "";
  const named = parseNormalizedNamed(subject);
  const reference = tag === "" ? named : withTag(trimNamed(named), tag);
  const platform = platformIn(query.get("platform"));
  await streamMessages(
    response,
    (tell) => push(call, { reference, platform: platform && formatPlatform(platform) }, tell),
    {
      explain: registryFailureOf,
    },
  );
}

async function push(
  { engine, request, signal }: ApiCall,
  { reference, platform }: { readonly reference: NormalizedReference; readonly platform: string | undefined },
  tell: Tell,
): Promise<void> {
  const { distribution } = engine;
  const first = `The push refers to repository [${trimNamed(reference).toString()}]`;
  await tell({ status: first });
  await requireTags(distribution.images, reference);
  const messageOf = (progress: Progress): object | undefined => {
    const message = toDockerMessage(progress);
    return message?.status === first ? undefined : message;
  };
  const { images } = await tellingProgress(tell, messageOf, (onProgress) =>
    distribution.push(reference.toString(), {
      allTags: isNameOnly(reference),
      platform,
      auth: registryAuth(request),
      metaHeaders: metaHeaders(request),
      signal,
      onProgress,
    }),
  );
  for (const { name, target } of images) {
    const { tag: Tag = "" } = parseNormalizedNamed(name);
    await tell({ progressDetail: {}, aux: { Tag, Digest: target.digest, Size: target.size } });
  }
}

/** Says in dockerd's words what is not here. */
async function requireTags(images: ImageStore, reference: NormalizedReference): Promise<void> {
  const repository = trimNamed(reference).toString();
  const tags = (await images.list()).filter(({ name }) => name.startsWith(`${repository}:`));
  if (tags.length === 0) {
    throw new Refusal(404, `An image does not exist locally with the tag: ${familiarName(reference)}`);
  }
  if (isNameOnly(reference) || tags.some(({ name }) => name === reference.toString())) return;
  throw new Refusal(404, `tag does not exist: ${familiarString(reference)}`);
}
