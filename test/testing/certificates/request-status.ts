import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";

/** The status of a GET by Node's own client, with these certificates; rejects with what Node says. */
export async function requestStatus(
  url: string,
  options: { readonly ca?: string; readonly key?: string; readonly cert?: string },
): Promise<number> {
  const request = get(url, { agent: false, ...options });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}
