import { ErrNotFound } from "../../errors/classes.ts";
import type { ImageFinder } from "../../images/image-finder.ts";
import type { ImageStore } from "../../images/image-store.ts";
import type { PushedImage, PushOptions, PushResult } from "../api/distribution.ts";
import type { TakenContent } from "../api/moved-content.ts";
import { startMoving } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import type { WalkEngine } from "../endpoints/endpoint-walk.ts";
import { pusherWalk } from "../endpoints/pusher-walk.ts";
import type { MountSourceStore } from "../mounts/mount-source-store.ts";
import { forEachName } from "../operations/each-name.ts";
import { told } from "../operations/told.ts";
import { choosePlatform } from "../pull/pull-reference.ts";
import { preparingOnce } from "./push-lines.ts";
import { PushProgress } from "./push-progress.ts";
import { namedPushes } from "./push-reference.ts";
import { pushStatus } from "./push-status.ts";
import { type PushShared, v2Pusher } from "./v2-pusher.ts";

/** What pushes of one engine share. */
export interface PushEngine extends PushShared, WalkEngine {
  readonly images: ImageStore;
  readonly finder: ImageFinder;
  readonly mountSources: MountSourceStore;
}

/**
 * Pushes a name, or all tags of one: each to one endpoint after another until one takes it (moby `distribution.Push`).
 * `onImage` is told about each name as soon as it is in place.
 */
export async function push(
  engine: PushEngine,
  source: string,
  options: PushOptions,
  onImage?: (image: PushedImage) => void,
): Promise<PushResult> {
  return await told("push", source, engine.logger, (id) =>
    pushNames(engine, source, { ...options, id }, onImage),
  );
}

async function pushNames(
  engine: PushEngine,
  source: string,
  options: PushOptions & { readonly id: string },
  onImage: (image: PushedImage) => void = () => {},
): Promise<PushResult> {
  checkMetaHeaders(options.metaHeaders ?? {});
  using progress = new PushProgress({ ...options, logger: engine.logger });
  using operation = startMoving({ ...options, onProgress: progress.onStep }, engine.bandwidth);
  const platform =
    options.platform === undefined ? undefined : choosePlatform({ platform: options.platform });
  const items = await namedPushes(engine, source, options);
  const [first] = items;
  if (!first) throw new ErrNotFound(`no tags to push for ${source}`, { reference: source });
  using account = engine.traffic.openOutgoing();
  const walk = await pusherWalk(engine, first.target, { access: options, operation });
  operation.onProgress(pushStatus.refersTo(first.target));

  const images = await forEachName(
    {
      items,
      referenceOf: ({ target }) => target,
      onDone: onImage,
      isOver: () => walk.isOver,
      async work(item): Promise<PushedImage> {
        const shown = { ...operation, onProgress: preparingOnce(operation.onProgress) };
        const { value, endpoint } = await walk.run(item.target, (remote) =>
          operation.hurry(() =>
            v2Pusher({ shared: engine, remote, operation: shown, platform, account, progress })(item),
          ),
        );
        return { ...value, endpoint };
      },
    },
    operation,
  );

  const last = images.at(-1);
  if (!last) throw new ErrNotFound(`no tags to push for ${source}`, { reference: source });
  progress.end();
  const result: PushResult = {
    reference: first.target.toString(),
    digest: last.target.digest,
    images,
    endpoint: last.endpoint,
    passedOver: walk.passedOver,
    taken: account.taken,
  };
  engine.logger.info({ operation: operation.id, ...pushFields(result) }, "pushed");
  return result;
}

function pushFields({ reference, digest, endpoint, passedOver, taken }: PushResult): object {
  const passed = [...new Set(passedOver.map((one) => one.endpoint))];
  const count = (wanted: TakenContent["how"]): number => taken.filter(({ how }) => how === wanted).length;
  const counts = { uploaded: count("uploaded"), mounted: count("mounted") };
  return { reference, digest, endpoint, passedOver: passed, ...counts };
}
