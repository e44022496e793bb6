import type { DrayageError } from "../../errors/drayage-error.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import { familiarName, familiarString } from "../../reference/familiar.ts";
import type { NormalizedReference } from "../../reference/reference.ts";

/**
 * The error of a pull in the words that users of docker know (moby `translatePullError`): the registry's own
 * words stay behind them, the class stays as it is.
 */
export function translatePullError(error: unknown, reference: NormalizedReference): unknown {
  const found = findError(error);
  if (!found) return error;
  const words = wordsFor(found, reference);
  if (words === undefined) return error;
  return withMessage(found, `${words}: ${found.message}`, { reference: reference.toString() });
}

/** Does `work`, whose errors are told in the words that users of docker know. */
export async function inDockersWords<T>(reference: NormalizedReference, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translatePullError(error, reference);
  }
}

function wordsFor(
  { registryCode: code, httpStatus: status, answeredBy, digest }: DrayageError,
  reference: NormalizedReference,
): string | undefined {
  // A token server knows who may have tokens, and nothing of images; a storage knows nothing of either.
  if (answeredBy === "token server" && status !== 403) return undefined;
  const isDenied = code === undefined && status === 403 && answeredBy !== "redirect target";
  if (code === "DENIED" || isDenied) {
    return `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login'`;
  }
  if (code === "UNAUTHORIZED") return `access to ${familiarName(reference)} refused`;
  if (code === "BLOB_UNKNOWN" || (status === 404 && digest !== undefined)) {
    return `content of ${familiarString(reference)} not found`;
  }
  if (code === "NAME_UNKNOWN") return `repository ${familiarName(reference)} not found`;
  if (code === "MANIFEST_UNKNOWN" || (code === undefined && status === 404 && digest === undefined)) {
    return `manifest for ${familiarString(reference)} not found`;
  }
  return undefined;
}
