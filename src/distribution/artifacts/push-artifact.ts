import { randomUUID } from "node:crypto";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { imageEvent } from "../../images/image-event.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { EMPTY_DESCRIPTOR, EMPTY_JSON } from "../../oci/empty-descriptor.ts";
import { OCI_EMPTY, OCI_MANIFEST } from "../../oci/media-types.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Pusher } from "../../remotes/pusher.ts";
import type { ArtifactToPush, PushArtifactOptions, PushedArtifact } from "../api/artifacts.ts";
import { type Operation, startMoving, waiterOf } from "../api/operation.ts";
import { checkMetaHeaders } from "../endpoints/check-meta-headers.ts";
import { pusherWalk } from "../endpoints/pusher-walk.ts";
import { remoteWalk } from "../endpoints/remote-walk.ts";
import { resolveAt } from "../look/resolve.ts";
import { type MoveEngine, usingContent } from "../move/move-engine.ts";
import { told } from "../operations/told.ts";
import type { OutgoingAccount } from "../operations/traffic.ts";
import { withinTime } from "../operations/within-time.ts";
import { ScratchContent } from "../pull/scratch-content.ts";
import type { PushEngine } from "../push/push.ts";
import { PushProgress } from "../push/push-progress.ts";
import { pushStatus } from "../push/push-status.ts";
import { sendGraph } from "../push/send-graph.ts";
import {
  manifestOf,
  nameOf,
  type PlannedArtifact,
  plannedArtifact,
  type Subject,
} from "./planned-artifact.ts";
import { PushedFiles } from "./pushed-files.ts";

/** What artifacts are pushed with. */
export interface PushArtifactEngine extends MoveEngine, PushEngine {
  readonly content: PushEngine["content"];
}

/** What is to be pushed, and where to. */
export interface ArtifactPush {
  readonly reference: string;
  readonly artifact: ArtifactToPush;
}

/** What `Artifacts.pushArtifact` does. */
export async function pushArtifact(
  engine: PushArtifactEngine,
  { reference, artifact }: ArtifactPush,
  options: PushArtifactOptions,
): Promise<PushedArtifact> {
  const plan = plannedArtifact(reference, artifact);
  checkMetaHeaders(options.metaHeaders ?? {});
  return await told("push", reference, engine.logger, (id) =>
    withinTime(`push artifact ${reference}`, options, (timed) =>
      usingContent(engine, timed, async (own) => {
        using progress = new PushProgress({ ...own, id, logger: engine.logger });
        using operation = startMoving({ ...own, id, onProgress: progress.onStep }, engine.bandwidth);
        return await pushPlanned({ engine, plan, artifact, operation, options, progress });
      }),
    ),
  );
}

/** What one push of an artifact works with. */
interface PushWork {
  readonly engine: PushArtifactEngine;
  readonly plan: PlannedArtifact;
  readonly artifact: ArtifactToPush;
  readonly operation: Operation;
  readonly options: PushArtifactOptions;
  readonly progress: PushProgress;
}

async function pushPlanned(work: PushWork): Promise<PushedArtifact> {
  const { engine, plan, operation } = work;
  const { target } = plan;
  operation.onProgress(pushStatus.refersTo(target));
  const subject = await subjectOf(work);
  const built = await buildArtifact(work, subject);
  const { root } = built;
  if (target.digest !== undefined && target.digest !== root.digest) {
    const message = `push artifact to ${target.toString()}: got ${root.digest} to push`;
    throw new ErrInvalidArgument(message, { digest: root.digest });
  }
  using account = engine.traffic.openOutgoing();
  const walk = await pusherWalk(engine, target, { access: work.options, operation });
  const { endpoint } = await walk.run(target, (remote) =>
    operation.hurry(() => send(built, remote, { ...work, account })),
  );
  work.progress.end();
  operation.onProgress(pushStatus.done(target.tag ?? root.digest, root));
  const name = nameOf(target, root.digest);
  const { digest } = root;
  engine.events.emit("push", imageEvent({ name, target: root }, "push"));
  engine.logger.info({ operation: operation.id, reference: name, digest, endpoint }, "pushed");
  return {
    name,
    target: root,
    files: built.layers,
    subject,
    endpoint,
    passedOver: walk.passedOver,
    taken: account.taken,
  };
}

/** What the artifact is about. A mirror may be behind, so the registry itself is asked what a reference means. */
async function subjectOf({ engine, plan, operation, options }: PushWork): Promise<Subject | undefined> {
  const { subject } = plan;
  if (!subject || "size" in subject) return subject;
  const reference: NormalizedReference = subject;
  const walk = await remoteWalk(engine, reference, { access: options, operation, purpose: "push" });
  const ask = { signal: operation.signal, waiter: waiterOf(operation, reference.toString()) };
  const { value } = await walk.run(reference, (remote) => resolveAt(remote, reference, ask));
  const { mediaType, digest, size } = value;
  return { mediaType, digest, size };
}

/** An artifact that can be sent. */
interface BuiltArtifact {
  readonly root: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly content: ScratchContent;
}

async function buildArtifact(
  { plan, artifact, operation }: PushWork,
  subject: Subject | undefined,
): Promise<BuiltArtifact> {
  const files = new PushedFiles();
  const content = new ScratchContent(files);
  const layers: Descriptor[] = [];
  for (const { path, mediaType, annotations } of plan.files) {
    const { digest, size } = await files.add(path, operation);
    layers.push({ mediaType, digest, size, annotations });
  }
  const { config } = artifact;
  const own = config && { mediaType: config.mediaType, ...(await files.add(config.path, operation)) };
  if (!own || layers.length === 0) content.add(Buffer.from(EMPTY_JSON), OCI_EMPTY);
  const manifest = manifestOf({ config: own ?? EMPTY_DESCRIPTOR, layers, subject, artifact });
  return { root: content.add(manifest, OCI_MANIFEST), layers, content };
}

async function send(
  { root, content }: BuiltArtifact,
  remote: Pusher,
  { engine, plan, operation, account, progress }: PushWork & { readonly account: OutgoingAccount },
): Promise<void> {
  const { target: to } = plan;
  // Nobody else's uploads fail of our files.
  const source = `${remote.source} from files ${randomUUID()}`;
  const blobs = { source, contentFor: () => content };
  const graph = { root, to, tag: to.tag, documents: content, blobs };
  await sendGraph(graph, { shared: engine, remote, operation, account, progress });
}
