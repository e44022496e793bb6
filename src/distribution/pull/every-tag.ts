import { ErrNotFound, ErrUnknown } from "../../errors/classes.ts";
import { plainText } from "../../errors/plain-text.ts";
import { withTag } from "../../reference/derive.ts";
import { familiarString } from "../../reference/familiar.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { AskOptions } from "../../remotes/remote.ts";
import { type Operation, waiterOf } from "../api/operation.ts";
import type { EndpointWalk } from "../endpoints/endpoint-walk.ts";
import { inDockersWords } from "./translate-pull-error.ts";

/** Longest part of a listed tag that is shown, in characters: as long as a tag may be. */
const MAX_TAG_CHARS = 128;

/** A repository at one endpoint, as far as its tags are asked for. */
interface TaggedRepository {
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** Every tag. */
  tags(options: AskOptions): Promise<readonly string[]>;
}

/** A reference for each tag of the repository, in the registry's order. Throws `ErrNotFound` when it has none. */
export async function everyTag<R extends TaggedRepository>(
  walk: EndpointWalk<R>,
  reference: NormalizedReference,
  operation: Operation,
): Promise<readonly NormalizedReference[]> {
  const { signal } = operation;
  const list = async (remote: R): Promise<readonly NormalizedReference[]> => {
    const tags = await inDockersWords(reference, () =>
      remote.tags({ signal, waiter: waiterOf(operation, reference.path) }),
    );
    if (tags.length === 0) throw noTags(reference, remote.endpoint);
    return tags.map((tag) => listedReference(reference, tag, remote.endpoint));
  };
  return (await walk.run(reference, list, "resolve")).value;
}

/** A tag is the word of the endpoint that listed it. */
function listedReference(reference: NormalizedReference, tag: string, endpoint: string): NormalizedReference {
  try {
    return withTag(reference, tag);
  } catch (cause) {
    const listed = plainText(tag, MAX_TAG_CHARS);
    const message = `list tags of ${familiarString(reference)}: got ${JSON.stringify(listed)}, wanted a tag`;
    throw new ErrUnknown(message, { cause, endpoint, reference: reference.toString(), retryable: false });
  }
}

/** The error of a repository without tags. */
export function noTags(reference: NormalizedReference, endpoint?: string): ErrNotFound {
  const details = { reference: reference.toString(), endpoint };
  return new ErrNotFound(`no tags found for ${familiarString(reference)}`, details);
}
