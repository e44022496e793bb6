import type { Digest } from "../../digest/digest.ts";
import { isIndexType } from "../../oci/media-types.ts";
import type { PlannedItem, StepProgress, StepSink } from "../../progress/progress.ts";
import type { PushPlan } from "../../remotes/push-plan.ts";
import type { PushOutcome } from "../../remotes/pusher.ts";
import { ToldPlan, type ToldPlanOptions } from "../operations/told-plan.ts";
import { pushStatus } from "./push-status.ts";

/** What a push or a copy tells beside the steps of its contents: a plan, before the first byte, and how far it has come. */
export class PushProgress implements Disposable {
  readonly #told: ToldPlan;
  /** What each graph that is sent consists of. */
  readonly #wanted = new Map<Digest, readonly PlannedItem[]>();
  /** Contents that are where they belong. */
  readonly #arrived = new Set<string>();
  #endpoint: string | undefined;

  constructor(options: ToldPlanOptions) {
    this.#told = new ToldPlan(options);
  }

  /** Where the steps go that people see. */
  get onStep(): StepSink {
    return (step) => this.#told.tell(step);
  }

  /**
   * Tells what is to be at an endpoint. How much of it is there already is asked of each content in its turn, and the plan told again;
   * at another endpoint than before everything begins anew.
   *
   * @param isComing whether somebody else is bringing a blob there
   */
  plan(
    root: Digest,
    { blobs, configs, rounds }: PushPlan,
    { endpoint, isComing }: { readonly endpoint: string; readonly isComing: (digest: Digest) => boolean },
  ): void {
    if (!this.#told.isTold) return;
    if (this.#endpoint !== undefined && this.#endpoint !== endpoint) this.#startAnew();
    this.#endpoint = endpoint;
    const documents = rounds.flat().toReversed();
    const items = [
      ...documents.map(({ digest, size, mediaType }): PlannedItem => {
        const kind = isIndexType(mediaType) ? "index" : "manifest";
        return { digest, size, mediaType, kind, bytesHere: 0, isComing: false };
      }),
      ...blobs.map(({ digest, size, mediaType }): PlannedItem => {
        const kind = configs.has(digest) ? "config" : "layer";
        return { digest, size, mediaType, kind, bytesHere: 0, isComing: isComing(digest) };
      }),
    ];
    this.#wanted.set(root, items);
    const first = new Map<string, PlannedItem>();
    for (const item of [...this.#wanted.values()].flat())
      if (!first.has(item.digest)) first.set(item.digest, item);
    this.#told.plan([...first.values()]);
  }

  /** A step of a content, whether people see it or not. */
  note(step: StepProgress): void {
    const outcome =
      step.kind === "update" && step.phase === "done" ? pushStatus.outcomeOf(step.action) : undefined;
    this.#told.note(step);
    if (outcome && step.kind === "update") this.arrived(step.digest, outcome);
  }

  /** A content is where it belongs, and so it was sent, or was there. What comes later of it, under another tag, is no news. */
  arrived(digest: string | undefined, outcome: PushOutcome["kind"]): void {
    const item = this.#told.get(digest ?? "");
    if (!item || this.#arrived.has(item.digest)) return;
    this.#arrived.add(item.digest);
    this.#told.complete([{ digest: item.digest, before: outcome === "uploaded" ? 0 : item.size }]);
  }

  /** It has succeeded. */
  end(): void {
    this.#told.end();
  }

  [Symbol.dispose](): void {
    this.#told[Symbol.dispose]();
  }

  #startAnew(): void {
    this.#wanted.clear();
    this.#arrived.clear();
    this.#told.startAnew();
  }
}
