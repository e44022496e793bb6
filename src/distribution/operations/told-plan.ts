import { type Clock, systemClock } from "../../async/clock.ts";
import { guardSink } from "../../progress/guard-sink.ts";
import type {
  PlannedItem,
  Progress,
  ProgressSink,
  StepProgress,
  StepSink,
  UpdateProgress,
} from "../../progress/progress.ts";
import { Tally } from "../../progress/tally.ts";
import type { Logger } from "../api/logger.ts";

/** How often the whole is summed up, in milliseconds: as often as a person reads numbers. */
const SUMMARY_MS = 500;

/** Who is told of an operation, and by which clock. */
export interface ToldPlanOptions {
  readonly onProgress?: ProgressSink | undefined;
  /** Of the operation. */
  readonly id: string;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
}

/**
 * What an operation tells beside the steps of its contents: a plan, and how far it has come. Costs nothing where nobody is told.
 * Attempts that follow a failure are logged in any case.
 */
export class ToldPlan<I extends PlannedItem = PlannedItem> implements Disposable {
  readonly #id: string;
  readonly #logger: Logger;
  /** Attempts that were logged, by content. */
  readonly #attempts = new Map<string, number>();
  readonly #tell: ((progress: Progress) => void) | undefined;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #tally: Tally<I> | undefined;
  #isNews = false;
  #isSummedUp = false;

  /** The caller disposes of it when the operation has ended. */
  constructor({ id, logger, onProgress, clock = systemClock }: ToldPlanOptions) {
    this.#id = id;
    this.#logger = logger;
    this.#tell = onProgress && guardSink<Progress>(onProgress);
    this.#clock = clock;
  }

  /** Whether somebody is told. */
  get isTold(): boolean {
    return this.#tell !== undefined;
  }

  /** Takes each step into account, and tells it to the caller. */
  get onStep(): StepSink {
    return (step) => {
      this.note(step);
      this.tell(step);
    };
  }

  /** The contents of the plan. */
  get items(): readonly I[] {
    return this.#tally?.items ?? [];
  }

  /** A content of the plan. */
  get(digest: string): I | undefined {
    return this.#tally?.get(digest);
  }

  /** Tells these contents in the place of those before; what is known of how far they are is kept. */
  plan(items: readonly I[]): void {
    if (!this.#tell) return;
    this.#tally ??= new Tally(this.#clock.elapsed());
    this.#tally.plan(items);
    this.#tellPlan();
    this.#tellSummary();
    if (!this.#isSummedUp) void this.#sumUp();
    this.#isSummedUp = true;
  }

  /** Nothing is known any more of how far contents are: they are to go elsewhere. */
  startAnew(): void {
    this.#tally?.plan([]);
  }

  /** Takes a step into account. */
  note(step: StepProgress): void {
    if (step.kind === "update" && step.reason === "retry") this.#logRetry(step);
    if (!this.#tell) return;
    if (this.#tally?.note(step, this.#clock.elapsed())) this.#tellPlan();
    this.#isNews = true;
  }

  /** Tells a step to the caller. */
  tell(step: StepProgress): void {
    this.#tell?.(step);
    this.#isNews = true;
  }

  /** Contents are where they belong, each with so many bytes that were there before. */
  complete(contents: ReadonlyArray<{ readonly digest: string; readonly before: number }>): void {
    const corrected = contents.filter(({ digest, before }) =>
      this.#tally?.complete(digest, before, this.#clock.elapsed()),
    );
    if (corrected.length > 0) this.#tellPlan();
    this.#isNews = true;
  }

  /** The operation has succeeded: tells the sum for the last time. */
  end(): void {
    if (this.#tally) this.#tellSummary();
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  /** Once for each attempt, and not for each second until then. */
  #logRetry({ id, digest = id, attempt = 0, waitMs, errorCode }: UpdateProgress): void {
    if (this.#attempts.get(digest) === attempt) return;
    this.#attempts.set(digest, attempt);
    this.#logger.debug({ operation: this.#id, content: digest, attempt, waitMs, errorCode }, "trying again");
  }

  #tellPlan(): void {
    if (this.#tally) this.#tell?.(this.#tally.planned);
  }

  #tellSummary(): void {
    if (this.#tally) this.#tell?.(this.#tally.summary(this.#clock.elapsed()));
    this.#isNews = false;
  }

  /** Sums up as long as the operation runs: once more when nothing has moved, as the rate is another one then. */
  async #sumUp(): Promise<void> {
    let wasNews = true;
    while (await this.#sleep()) {
      const isNews = this.#isNews;
      if (isNews || wasNews) this.#tellSummary();
      wasNews = isNews;
    }
  }

  /** Whether the operation still runs afterwards. */
  async #sleep(): Promise<boolean> {
    const { signal } = this.#over;
    return await this.#clock.sleep(SUMMARY_MS, { signal }).then(
      () => true,
      () => false,
    );
  }
}
