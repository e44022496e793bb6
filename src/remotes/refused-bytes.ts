import type { AbortOptions } from "../async/abort.ts";
import { readVerified } from "../content/read-verified.ts";
import type { Provider } from "../content/store.ts";
import { findError, isDataLoss } from "../errors/predicates.ts";
import { withMessage } from "../errors/with-message.ts";
import type { Descriptor } from "../oci/descriptor.ts";

/** Status of a registry that has looked at the bytes and does not want them. */
const BAD_REQUEST = 400;

/** Content that is pushed. */
export interface PushedContent extends Provider {
  /**
   * Called when a registry may have refused a blob for its bytes: what is to be said of that, `refusal` itself when they were right. A
   * retryable `ErrDataLoss` has them sent again from the start. Default: they are read again, and are what is wrong if they are.
   */
  readonly explainRefusal?:
    | ((refusal: unknown, blob: Descriptor, options: AbortOptions) => Promise<unknown>)
    | undefined;
}

/**
 * What a failed upload is to be blamed on: what we have sent, if the registry may have refused the bytes and they turn out to be wrong,
 * with the refusal as the cause; otherwise the failure itself.
 */
export async function explainFailure(
  failure: unknown,
  { content, descriptor }: { readonly content: PushedContent; readonly descriptor: Descriptor },
  options: AbortOptions,
): Promise<unknown> {
  const mayBeTheirBytes = findError(failure)?.httpStatus === BAD_REQUEST || isDataLoss(failure);
  if (!mayBeTheirBytes) return failure;
  if (content.explainRefusal) return await content.explainRefusal(failure, descriptor, options);
  return await blameOwnDamage(failure, { content, descriptor }, options);
}

/** The blob is read for that only after a refusal that may be about its bytes. */
async function blameOwnDamage(
  refusal: unknown,
  { content, descriptor }: { readonly content: Provider; readonly descriptor: Descriptor },
  options: AbortOptions,
): Promise<unknown> {
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
