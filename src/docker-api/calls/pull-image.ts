import { isDigest } from "../../digest/digest.ts";
import type { PullOptions } from "../../distribution/api/distribution.ts";
import { parsePlatform } from "../../platform/parse-platform.ts";
import { toDockerMessage } from "../../progress/docker-message.ts";
import type { Progress } from "../../progress/progress.ts";
import { isNameOnly, trimNamed, withDigest, withTag } from "../../reference/derive.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { registryFailureOf } from "../http/failure.ts";
import { streamMessages } from "../http/message-stream.ts";
import { badParameter, Refusal } from "../http/refusal.ts";
import { metaHeaders, registryAuth } from "../http/registry-auth.ts";
import { tellingProgress } from "../http/telling-progress.ts";
import type { ApiCall } from "./api-call.ts";
import { askingRegistry } from "./asking-registry.ts";

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
        await tellingProgress<unknown, Progress>(tell, toDockerMessage, (onProgress) =>
          engine.distribution.pull(reference.toString(), { ...options, onProgress }),
        );
      },
      { explain: registryFailureOf },
    ),
  );
}

/** The tag may be a digest, and then the name's own tag means nothing. */
function wanted(name: string, tag: string): NormalizedReference {
  const reference = parseNormalizedNamed(name);
  if (tag === "") return reference;
  const repository = trimNamed(reference);
  return isDigest(tag) ? withDigest(repository, tag) : withTag(repository, tag);
}
