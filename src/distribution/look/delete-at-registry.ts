import { ErrInvalidArgument } from "../../errors/classes.ts";
import { parseNormalizedNamed } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { AskingOptions } from "../api/looking.ts";
import { startOperation, waiterOf } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { type PusherWalkEngine, pusherWalk } from "../endpoints/pusher-walk.ts";

/** See `Distribution.delete`. */
export async function deleteAtRegistry(
  engine: PusherWalkEngine,
  text: string,
  options: AskingOptions,
): Promise<void> {
  const reference = parseNormalizedNamed(text);
  const wanted = oneOf(reference, text);
  checkMetaHeaders(options.metaHeaders ?? {});
  const operation = startOperation(options);
  const walk = await pusherWalk(engine, reference, { access: options, operation });
  const ask = { signal: operation.signal, waiter: waiterOf(operation, wanted) };
  await walk.run(reference, (pusher) => pusher.delete(wanted, ask));
}

/** The tag or the digest: nobody may guess which of them is to go, or that `latest` is. */
function oneOf({ tag, digest }: NormalizedReference, text: string): string {
  const [wanted, second] = [tag, digest].flatMap((part) => part ?? []);
  if (wanted !== undefined && second === undefined) return wanted;
  const got = wanted === undefined ? "neither tag nor digest" : "a tag and a digest";
  throw new ErrInvalidArgument(`delete "${text}": got ${got}, wanted one of them`, { reference: text });
}
