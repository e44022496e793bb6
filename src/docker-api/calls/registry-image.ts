import { parsePlatform } from "../../platform/parse-platform.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import { answerJson } from "../http/answers.ts";
import { metaHeaders, registryAuth } from "../http/registry-auth.ts";
import type { ApiCall } from "./api-call.ts";
import { askingRegistry } from "./asking-registry.ts";

/** `GET /distribution/NAME/json`: what a name means at its registry, and for which platforms that is. */
export async function registryImage({ engine, request, response, subject, signal }: ApiCall): Promise<void> {
  const reference = parseNormalizedNamed(subject).toString();
  const asked = {
    from: "registry",
    auth: registryAuth(request),
    metaHeaders: metaHeaders(request),
    signal,
  } as const;
  const { target, platforms } = await askingRegistry(() => engine.distribution.inspect(reference, asked));
  const { mediaType, digest, size } = target;
  const Platforms = platforms.map((platform) => parsePlatform(platform));
  answerJson(response, { Descriptor: { mediaType, digest, size }, Platforms });
}
