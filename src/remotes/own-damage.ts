import type { AbortOptions } from "../async/abort.ts";
import { readVerified } from "../content/read-verified.ts";
import type { Provider } from "../content/store.ts";
import { findError, isDataLoss } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Status of a registry that has looked at the bytes and does not want them. */
const BAD_REQUEST = 400;

/**
 * Whether a registry refused a blob because our copy of it is damaged: then the error that says so, with the refusal as its
 * cause, otherwise the refusal itself. The blob is read for that only after a refusal that may be about its bytes.
 */
export async function blameOwnDamage(
  refusal: unknown,
  { content, descriptor }: { readonly content: Provider; readonly descriptor: Descriptor },
  options: AbortOptions,
): Promise<unknown> {
  if (findError(refusal)?.httpStatus !== BAD_REQUEST) return refusal;
  try {
    for await (const _ of readVerified(content, descriptor, options)) {
      // Only the verdict at the end is wanted.
    }
    return refusal;
  } catch (error) {
    const found = findError(error);
    if (!found || !isDataLoss(found)) return refusal;
    return withMessage(found, found.message, { cause: refusal });
  }
}
