import { messageOf } from "../../errors/message-of.ts";
import { rootAddress } from "../../registry/endpoints/api-root.ts";
import type { Endpoint } from "../../registry/endpoints/endpoint.ts";
import { mergeHeaders } from "../../registry/http/merge-headers.ts";
import type { Send } from "../../registry/http/send.ts";
import { USER_AGENT } from "../../registry/http/user-agent.ts";
import type { NewIllness } from "./illness.ts";

/**
 * Asks an endpoint for its API root, as nobody in particular: any answer that does not speak of its own trouble, a 401 as
 * well, says that it is there. Resolves with what is wrong, or with nothing.
 */
export async function probe(
  send: Send,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<NewIllness | undefined> {
  const { headers, tls, connectTimeoutMs } = endpoint;
  const url = rootAddress(endpoint);
  const request = {
    method: "GET",
    url,
    headers: mergeHeaders({ "user-agent": USER_AGENT }, headers),
    tls,
    connectTimeoutMs,
    signal,
  } as const;
  try {
    const { status, body } = await send(request);
    await body.discard();
    return status < 500 ? undefined : { unreachable: false, why: `GET ${url}: answered ${status}` };
  } catch (error) {
    return { unreachable: true, why: messageOf(error) };
  }
}
