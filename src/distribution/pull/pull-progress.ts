import { type Clock, systemClock } from "../../async/clock.ts";
import type { Digest } from "../../digest/digest.ts";
import { guardSink } from "../../progress/guard-sink.ts";
import type {
  Phase,
  PlannedItem,
  Progress,
  ProgressSink,
  StepSink,
  UpdateProgress,
} from "../../progress/progress.ts";
import { Tally } from "../../progress/tally.ts";
import type { Logger } from "../api/logger.ts";
import type { IncomingAccount } from "../operations/traffic.ts";
import type { ContentHere, NamedContent } from "./named-content.ts";

/** How often the whole is summed up, in milliseconds: as often as a person reads numbers. */
const SUMMARY_MS = 500;

/** Phases of steps after which all bytes of a content are here. */
const HERE: ReadonlySet<Phase> = new Set(["downloaded", "done"]);

/** A content of this pull, as it is told. */
type Item = PlannedItem & { readonly digest: Digest };

/** Who is told of a pull, and by which clock. */
export interface PullProgressOptions {
  readonly onProgress?: ProgressSink | undefined;
  /** Of the pull. */
  readonly id: string;
  readonly logger: Logger;
  /** Of what endpoints bring for the pull. */
  readonly account: IncomingAccount;
  readonly clock?: Clock | undefined;
}

/**
 * What a pull tells beside the steps of its contents: a plan, before the first byte of a layer, and how far it has come. Costs nothing
 * where nobody is told. Attempts that follow a failure are logged in any case.
 */
export class PullProgress implements Disposable {
  readonly #id: string;
  readonly #logger: Logger;
  /** Attempts that were logged, by content. */
  readonly #attempts = new Map<string, number>();
  readonly #tell: ((progress: Progress) => void) | undefined;
  readonly #account: IncomingAccount;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  /** What each name needs: another endpoint may say something else of it. */
  readonly #wanted = new Map<string, readonly Item[]>();
  #tally: Tally<Item> | undefined;
  #isNews = false;

  constructor({ id, logger, onProgress, account, clock = systemClock }: PullProgressOptions) {
    this.#id = id;
    this.#logger = logger;
    this.#tell = onProgress && guardSink<Progress>(onProgress);
    this.#account = account;
    this.#clock = clock;
  }

  /** Where the steps of the pull go. */
  get onStep(): StepSink {
    return (step) => {
      if (step.kind === "update" && step.reason === "retry") this.#logRetry(step);
      if (!this.#tell) return;
      const isCorrected = this.#tally?.note(step, this.#clock.elapsed());
      if (isCorrected) this.#tellPlan();
      this.#tell?.(step);
      this.#isNews = true;
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
    if (!this.#tell) return;
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
    const isFirst = this.#tally === undefined;
    this.#tally ??= new Tally(this.#clock.elapsed());
    this.#tally.plan([...this.#wanted.values()].flat());
    this.#tellPlan();
    this.#tellSummary();
    if (isFirst) void this.#sumUp();
  }

  /** All bytes of a content are here, whoever brought them. */
  came(digest: string | undefined): void {
    const item = this.#tally?.get(digest ?? "");
    if (item && this.#complete(item)) this.#tellPlan();
  }

  /** Once for each attempt, and not for each second until then. */
  #logRetry({ id, digest = id, attempt = 0, waitMs, errorCode }: UpdateProgress): void {
    if (this.#attempts.get(digest) === attempt) return;
    this.#attempts.set(digest, attempt);
    this.#logger.debug({ operation: this.#id, content: digest, attempt, waitMs, errorCode }, "trying again");
  }

  /** The pull has succeeded: everything is here. */
  end(): void {
    const { items = [] } = this.#tally ?? {};
    const corrected = items.filter((item) => this.#complete(item));
    if (corrected.length > 0) this.#tellPlan();
    if (this.#tally) this.#tellSummary();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  /** Whether more or less of it was here than the plan says. A transfer that somebody else began came a part of its way before. */
  #complete({ digest, size, bytesHere, isComing }: Item): boolean {
    const before = isComing ? bytesHere : Math.max(0, size - this.#account.bytesOf(digest));
    return this.#tally?.complete(digest, before, this.#clock.elapsed()) ?? false;
  }

  #tellPlan(): void {
    if (this.#tally) this.#tell?.(this.#tally.planned);
  }

  #tellSummary(): void {
    if (this.#tally) this.#tell?.(this.#tally.summary(this.#clock.elapsed()));
    this.#isNews = false;
  }

  /** Sums up as long as the pull runs: once more when nothing has come, as the rate is another one then. */
  async #sumUp(): Promise<void> {
    let wasNews = true;
    while (await this.#sleep()) {
      const isNews = this.#isNews;
      if (isNews || wasNews) this.#tellSummary();
      wasNews = isNews;
    }
  }

  /** Whether the pull still runs afterwards. */
  async #sleep(): Promise<boolean> {
    const { signal } = this.#over;
    return await this.#clock.sleep(SUMMARY_MS, { signal }).then(
      () => true,
      () => false,
    );
  }
}
