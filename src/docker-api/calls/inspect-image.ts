import { NO_TIME } from "../catalog/config-view.ts";
import { type CatalogImage, sizeOf, tagNames } from "../catalog/image-catalog.ts";
import { answerJson } from "../http/answers.ts";
import type { ApiCall } from "./api-call.ts";
import { platformIn } from "./platform-in.ts";

/** `GET /images/NAME/json` */
export async function inspectImage({ engine, query, response, subject, signal }: ApiCall): Promise<void> {
  const { catalog } = engine;
  const found = await catalog.find(subject, { signal });
  const platform = platformIn(query.get("platform"));
  const image = platform ? await catalog.forPlatform(found, platform, { signal }) : found;
  const { config } = image;
  const view = config?.view;
  answerJson(response, {
    Id: image.id,
    RepoTags: tagNames(image),
    RepoDigests: await catalog.digestNames(image, { signal }),
    Parent: "",
    Comment: view?.text("comment") || (view?.history.at(-1)?.comment ?? ""),
    Created: view?.created ?? NO_TIME,
    DockerVersion: view?.text("docker_version") ?? "",
    Author: view?.text("author") ?? "",
    Architecture: config?.platform.architecture ?? "",
    ...(config?.platform.variant !== undefined && { Variant: config.platform.variant }),
    Os: config?.platform.os ?? "",
    Size: sizeOf(image),
    GraphDriver: { Data: null, Name: engine.product.name },
    RootFS: { Type: "layers", Layers: config?.diffIds ?? [] },
    Metadata: { LastTagTime: NO_TIME },
    ...(view && { Config: view.container }),
    Descriptor: descriptorOf(image),
  });
}

/** `GET /images/NAME/history`: newest first; what is below the top has no ID. */
export async function imageHistory({ engine, response, subject, signal }: ApiCall): Promise<void> {
  const image = await engine.catalog.find(subject, { signal });
  const layers = (image.manifest?.layers ?? []).values();
  const steps = image.config?.view.history ?? [];
  const items = steps.map(({ created, createdBy, comment, isEmpty }) => ({
    Comment: comment,
    Created: created,
    CreatedBy: createdBy,
    Id: "<missing>",
    Size: isEmpty ? 0 : (layers.next().value?.size ?? 0),
    Tags: null,
  }));
  const [top, ...below] = items.toReversed();
  answerJson(response, top ? [{ ...top, Id: image.id, Tags: tagNames(image) }, ...below] : []);
}

/** What the name points at, which is not the config that docker takes for the image's ID. */
function descriptorOf({ target: { mediaType, digest, size } }: CatalogImage): object {
  return { mediaType, digest, size };
}
