import type { HttpRequest, HttpResponse, Send } from "../http/send.ts";
import type { Authorizer } from "./authorizer.ts";

/**
 * `send` with authorization: the header that the authorizer has for a request, and on a 401 from which it learned
 * something one more try. There is never a third request, so a server that always answers 401 cannot make a loop.
 * A stranger's request goes without, wherever it leads.
 */
export function withAuth(send: Send, authorizer: Authorizer): Send {
  return async (request) => {
    if (request.stranger) return send(request);
    const sent = await authorized(request, authorizer);
    const response = await send(sent);
    if (response.status !== 401 || !(await learned(sent, response, authorizer))) return response;
    return send(await authorized(request, authorizer));
  };
}

async function authorized(request: HttpRequest, authorizer: Authorizer): Promise<HttpRequest> {
  const authorization = await authorizer.authorize(request);
  if (authorization === undefined) return request;
  return { ...request, headers: { ...request.headers, authorization } };
}

async function learned(sent: HttpRequest, response: HttpResponse, authorizer: Authorizer): Promise<boolean> {
  let again = true; // also when the authorizer throws: then nobody else will read the body
  try {
    again = await authorizer.challenged(sent, response);
    return again;
  } finally {
    if (again) await response.body.discard();
  }
}
