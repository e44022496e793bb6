import { findError } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";

/**
 * Does `work` that only an endpoint can spoil. Each error of ours that it throws names the endpoint, an origin, so that
 * whoever judges the error knows whose fault it is. The end of the caller's own signal stays nobody's fault.
 */
export async function blaming<T>(endpoint: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw blamed(error, endpoint);
  }
}

/** `error` with the endpoint on it. An error that is not ours stays as it is, and so does one that ends an operation. */
export function blamed(error: unknown, endpoint: string): unknown {
  const found = findError(error);
  if (!found || found.endpoint === endpoint) return error;
  const isEnd = found.code === "ERR_CANCELED" || found.code === "ERR_DEADLINE_EXCEEDED";
  return isEnd && found.endpoint === undefined ? error : withMessage(found, found.message, { endpoint });
}
