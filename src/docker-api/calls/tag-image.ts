import { trimNamed, withTag } from "../../reference/derive.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import { isMeant } from "../catalog/is-meant.ts";
import { answerEmpty } from "../http/answers.ts";
import type { ApiCall } from "./api-call.ts";

/** `POST /images/NAME/tag` */
export async function tagImage({ engine, query, response, subject, signal }: ApiCall): Promise<void> {
  const { catalog, distribution, events } = engine;
  const repository = parseNormalizedNamed(query.get("repo") ?? "");
  const tag = query.get("tag") || (repository.tag ?? "latest");
  const { names } = await catalog.find(subject, { signal });
  const source = names.find(({ reference }) => isMeant(reference, subject)) ?? names[0];
  const name = withTag(trimNamed(repository), tag).toString();
  events.tell("tag", await distribution.tag(source?.name ?? subject, name, { signal }));
  answerEmpty(response, 201);
}
