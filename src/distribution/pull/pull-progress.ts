import type { Digest } from "../../digest/digest.ts";
import type { Phase, PlannedItem, StepSink } from "../../progress/progress.ts";
import { ToldPlan, type ToldPlanOptions } from "../operations/told-plan.ts";
import type { IncomingAccount } from "../operations/traffic.ts";
import type { ContentHere, NamedContent } from "./named-content.ts";

/** Phases of steps after which all bytes of a content are here. */
const HERE: ReadonlySet<Phase> = new Set(["downloaded", "done"]);

/** A content of this pull, as it is told. */
type Item = PlannedItem & { readonly digest: Digest };

/** Who is told of a pull, and by which clock. */
export interface PullProgressOptions extends ToldPlanOptions {
  /** Of what endpoints bring for the pull. */
  readonly account: IncomingAccount;
}

/** What a pull tells beside the steps of its contents: a plan, before the first byte of a layer, and how far it has come. */
export class PullProgress implements Disposable {
  readonly #told: ToldPlan<Item>;
  readonly #account: IncomingAccount;
  /** What each name needs: another endpoint may say something else of it. */
  readonly #wanted = new Map<string, readonly Item[]>();

  constructor({ account, ...options }: PullProgressOptions) {
    this.#told = new ToldPlan(options);
    this.#account = account;
  }

  /** Whether somebody is told; otherwise attempts that follow a failure are logged, and nothing else is done with a step. */
  get isTold(): boolean {
    return this.#told.isTold;
  }

  /** Where the steps of the pull go. */
  get onStep(): StepSink {
    const { onStep } = this.#told;
    return (step) => {
      onStep(step);
      if (step.kind === "update" && HERE.has(step.phase)) this.came(step.digest);
    };
  }

  /**
   * Tells what a name needs, of which `look` finds out how much is here. Of what has come already for this pull, nothing was.
   */
  async plan(
    name: string,
    contents: readonly NamedContent[],
    look: (contents: readonly NamedContent[]) => Promise<readonly ContentHere[]>,
  ): Promise<void> {
    if (!this.#told.isTold) return;
    const known = new Map([...this.#wanted.values()].flat().map((item) => [item.digest, item]));
    const found = await look(contents.filter(({ digest }) => !known.has(digest)));
    for (const { content, bytesHere, isComing } of found) {
      const { digest, size, mediaType, kind } = content;
      const before = Math.max(0, bytesHere - this.#account.bytesOf(digest));
      known.set(digest, { digest, size, mediaType, kind, bytesHere: before, isComing });
    }
    this.#wanted.set(
      name,
      contents.flatMap(({ digest }) => known.get(digest) ?? []),
    );
    this.#told.plan([...this.#wanted.values()].flat());
  }

  /** All bytes of a content are here, whoever brought them. */
  came(digest: string | undefined): void {
    const item = this.#told.get(digest ?? "");
    if (item) this.#told.complete([this.#whole(item)]);
  }

  /** The pull has succeeded: everything is here. */
  end(): void {
    this.#told.complete(this.#told.items.map((item) => this.#whole(item)));
    this.#told.end();
  }

  [Symbol.dispose](): void {
    this.#told[Symbol.dispose]();
  }

  /** How much of it was here. A transfer that somebody else began came a part of its way before. */
  #whole({ digest, size, bytesHere, isComing }: Item): { digest: Digest; before: number } {
    return { digest, before: isComing ? bytesHere : Math.max(0, size - this.#account.bytesOf(digest)) };
  }
}
