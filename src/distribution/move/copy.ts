import { randomUUID } from "node:crypto";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { isNameOnly, withTag } from "../../reference/derive.ts";
import { parseDockerRef, parseNormalizedNamed } from "../../reference/normalize.ts";
import type { CopiedImage, CopyOptions, CopyResult } from "../api/moving.ts";
import { type Operation, startMoving } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { pusherWalk } from "../endpoints/pusher-walk.ts";
import { forEachName } from "../operations/each-name.ts";
import { withinTime } from "../operations/within-time.ts";
import { everyTag, noTags } from "../pull/every-tag.ts";
import { parsePullReference } from "../pull/pull-reference.ts";
import type { PushEngine } from "../push/push.ts";
import { PushProgress } from "../push/push-progress.ts";
import { pushStatus } from "../push/push-status.ts";
import { openOrigin } from "./bring-blob.ts";
import { type CopyShared, copyImage, type NamedCopy } from "./copy-image.ts";
import { type MoveEngine, usingContent } from "./move-engine.ts";

/** What an engine needs for copies. */
export interface CopyEngine extends CopyShared, MoveEngine, Pick<PushEngine, "mountSources"> {}

/** What `Moving.copy` does. */
export async function copy(
  engine: CopyEngine,
  names: { readonly from: string; readonly to: string },
  options: CopyOptions,
): Promise<CopyResult> {
  const reference = namesOf(names, options);
  checkMetaHeaders(options.metaHeaders ?? {});
  return await withinTime(`copy ${names.from}`, options, (timed) =>
    usingContent(engine, timed, (own) => copyNames(engine, reference, own)),
  );
}

async function copyNames(
  engine: CopyEngine,
  { from, to }: NamedCopy,
  options: CopyOptions,
): Promise<CopyResult> {
  const id = randomUUID();
  using progress = new PushProgress({ ...options, id, logger: engine.logger });
  using operation = startMoving({ ...options, id, onProgress: progress.onStep }, engine.bandwidth);
  using incoming = engine.traffic.openIncoming();
  using outgoing = engine.traffic.openOutgoing();
  const { metaHeaders, fromAuth, toAuth } = options;
  const origin = await openOrigin(engine, from, { access: { auth: fromAuth, metaHeaders }, operation });
  const mountFrom = from.domain === to.domain ? from.path : undefined;
  const access = { auth: toAuth, metaHeaders, mountFrom };
  const destination = await pusherWalk(engine, to, { access, operation });
  operation.onProgress(pushStatus.refersTo(to));

  const context = { shared: engine, operation, options, origin, destination, incoming, outgoing, progress };
  const images = await forEachName<NamedCopy, CopiedImage>(
    {
      items: options.allTags ? await tagsOf({ from, to }, { walk: origin.walk, operation }) : [{ from, to }],
      referenceOf: (item) => item.to,
      work: (item) => copyImage(item, context),
      onDone: () => {},
      isOver: () => destination.isOver || origin.walk.isOver,
    },
    operation,
  );
  const last = images.at(-1);
  if (!last) throw noTags(from);
  progress.end();
  const passedOver = [...origin.walk.passedOver, ...destination.passedOver];
  const { endpoint, target } = last;
  const result: CopyResult = {
    reference: to.toString(),
    digest: target.digest,
    images,
    endpoint,
    passedOver,
    served: incoming.served,
    taken: outgoing.taken,
  };
  engine.logger.info(
    { from: from.toString(), reference: result.reference, digest: target.digest, endpoint },
    "copied",
  );
  return result;
}

/** What the names mean. Throws `ErrInvalidArgument` with the grammar's own texts, and for tags where all tags are meant. */
function namesOf(
  { from, to }: { readonly from: string; readonly to: string },
  { allTags = false, platforms }: CopyOptions,
): NamedCopy {
  if (platforms?.length === 0)
    throw new ErrInvalidArgument("copy image: got no platforms, wanted some or all");
  const source = parsePullReference(from, { allTags });
  if (!allTags) return { from: source, to: parseDockerRef(to) };
  const target = parseNormalizedNamed(to);
  if (!isNameOnly(target)) {
    throw new ErrInvalidArgument(`copy all tags to "${to}": tag can't be used with all tags`, {
      reference: to,
    });
  }
  return { from: source, to: target };
}

async function tagsOf(
  { from, to }: NamedCopy,
  { walk, operation }: { walk: Parameters<typeof everyTag>[0]; operation: Operation },
): Promise<readonly NamedCopy[]> {
  const tagged = await everyTag(walk, from, operation);
  return tagged.map((one) => ({ from: one, to: withTag(to, one.tag ?? "") }));
}
