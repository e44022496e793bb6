import { answerJson } from "../http/answers.ts";
import { badParameter } from "../http/refusal.ts";
import type { ApiCall } from "./api-call.ts";

/** `GET /images/search`: a service of Docker Hub's website, which is not asked; so nothing is found. */
export function searchImages({ query, response }: ApiCall): void {
  if (!query.get("term")) throw badParameter("search images: got no term");
  answerJson(response, []);
}
