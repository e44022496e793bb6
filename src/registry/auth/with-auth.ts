import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import type { Authorizer } from "./authorizer.ts";

/** Answers that an authorizer may learn from. */
const TEACHING: ReadonlySet<number> = new Set([400, 401, 403, 404]);

/** Refusals that another identity might not have got. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * `send` with authorization, for one operation: the header that the authorizer has for a request, and on a
 * refusal from which it learned something one more try, unless the request is to be asked once. There is never a third request, so a server that
 * always answers 401 cannot make a loop. A stranger's request goes without, wherever it leads. Why we came as
 * anonymous is the `remark` of a refusal.
 */
export function withAuth(send: Send, authorizer: Authorizer): Send {
  let begun = false;
  return async (request) => {
    if (request.stranger) return send(request);
    if (!begun) await authorizer.begin(request);
    begun = true;
    const sent = await authorized(request, authorizer);
    const first = await send(sent);
    if (!(await learned(sent, first, authorizer))) return remarked(first, authorizer);
    if (request.askedOnce) return first;
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

async function learned(sent: HttpRequest, response: HttpResponse, authorizer: Authorizer): Promise<boolean> {
  if (!TEACHING.has(response.status)) return false;
  let isAnswer = false; // nor is it when the authorizer throws: then nobody else will read the body
  try {
    const again = await authorizer.challenged(sent, response);
    isAnswer = !again || sent.askedOnce === true;
    return again;
  } finally {
    if (!isAnswer) await response.body.discard();
  }
}

function remarked(response: HttpResponse, authorizer: Authorizer): HttpResponse {
  const remark = REFUSALS.has(response.status) ? authorizer.whyAnonymous() : undefined;
  return remark === undefined ? response : { ...response, remark };
}
