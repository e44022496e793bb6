import type { Send } from "./send.ts";

/** What drayage calls itself towards registries: name and version of the package. */
export const USER_AGENT = "drayage/0.1.0";

/** Longest name that an embedder may put in front, in characters. */
export const MAX_USER_AGENT_CHARS = 256;

/**
 * `send` that puts the name of the program around drayage in front of drayage's own. A name that was configured stays
 * as it is.
 */
export function withUserAgent(send: Send, program: string | undefined): Send {
  if (program === undefined) return send;
  const name = `${program} ${USER_AGENT}`;
  return (request) => {
    const isOurs = request.headers?.["user-agent"] === USER_AGENT;
    return send(isOurs ? { ...request, headers: { ...request.headers, "user-agent": name } } : request);
  };
}
