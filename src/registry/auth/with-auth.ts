import { withBodyInMemory } from "../http/body-in-memory.ts";
import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import type { Authorizer } from "./authorizer.ts";

/** Answers that an authorizer may learn from. */
const TEACHING: ReadonlySet<number> = new Set([400, 401, 403, 404]);

/** Longest part of a refusal that is read, in bytes: more of it than its reader looks at is of no use. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/** Refusals that another identity might not have got. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * `send` with authorization, for one operation: the header that the authorizer has for a request, and on a refusal
 * from which it learned something one more try. There is never a third request, so a server that always answers 401
 * cannot make a loop. A stranger's request goes without, wherever it leads. Why we came as anonymous is the `remark`
 * of a refusal.
 */
export function withAuth(send: Send, authorizer: Authorizer): Send {
  let begun = false;
  return async (request) => {
    if (request.stranger) return send(request);
    if (!begun) await authorizer.begin(request);
    begun = true;
    if (request.rootFirst) await authorizer.prepare(request, send);
    const sent = await authorized(request, authorizer);
    const answer = await send(sent);
    if (!TEACHING.has(answer.status)) return remarked(answer, authorizer);
    // Whoever asks for a token may need the connection that an unread body holds.
    const refusal = await withBodyInMemory(answer, MAX_REFUSAL_BYTES);
    if (!(await authorizer.challenged(sent, refusal))) return remarked(refusal, authorizer);
    const second = await send(await authorized(request, authorizer));
    if (second.status === 401) authorizer.refused();
    return remarked(second, authorizer);
  };
}

async function authorized(request: HttpRequest, authorizer: Authorizer): Promise<HttpRequest> {
  const authorization = await authorizer.authorize(request);
  if (authorization === undefined) return request;
  return { ...request, headers: { ...request.headers, authorization } };
}

function remarked(response: HttpResponse, authorizer: Authorizer): HttpResponse {
  const remark = REFUSALS.has(response.status) ? authorizer.whyAnonymous() : undefined;
  return remark === undefined ? response : { ...response, remark };
}
