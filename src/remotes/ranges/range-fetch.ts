import { type AbortOptions, anySignal, throwIfAborted } from "../../async/abort.ts";
import { callAfter } from "../../async/clock.ts";
import { onAbort } from "../../async/on-abort.ts";
import type { Waiter } from "../../async/waiting.ts";
import type { ByteRange } from "../../content/byte-ranges.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { RemoteContent } from "../remote.ts";
import { isWorthMore } from "./pacing.ts";
import { Ramp } from "./ramp.ts";
import { type Next, RangeChoice } from "./range-choice.ts";
import { RangeLine } from "./range-line.ts";
import { RangePatience } from "./range-patience.ts";
import { type RangePlace, RangePours } from "./range-place.ts";
import { RangePlan } from "./range-plan.ts";
import { type RangeSource, RangeSources } from "./range-sources.ts";
import type { RangeShare, Ranges } from "./ranges.ts";

/** How often it is looked how far everything is, in milliseconds. */
const LOOK_MS = 50;

/** The same as long as it is being found out how many connections help: each moment costs what the others would have brought. */
const CLIMBING_LOOK_MS = 5;

/** What is to be brought, and from where. */
export interface RangeWork {
  readonly descriptor: Descriptor;
  /** What is there already. */
  readonly there: readonly ByteRange[];
  readonly place: RangePlace;
  readonly source: RangeSource;
  /** Opens others that may have it as well; called when more than one connection is worth it. */
  readonly beside?: (() => Promise<readonly RangeSource[]>) | undefined;
}

/** What surrounds it. */
export interface RangeContext extends AbortOptions {
  readonly ranges: Ranges;
  readonly share: RangeShare;
  /** Of the first request: who waits for another connection holds nothing up. */
  readonly waiter?: Waiter | undefined;
  /** For how long limits of bandwidth have held it back so far, in milliseconds. */
  readonly heldMs?: (() => number) | undefined;
  /** Told how many bytes have come from another endpoint than the source. */
  readonly onBeside?: ((endpoint: string, bytes: number) => void) | undefined;
}

/** How a content has come. */
export interface RangesBrought {
  /** How many requests it took. */
  readonly requests: number;
}

/**
 * Brings what is missing of a content over as many connections as help. The first request is for all of it. Others take parts of
 * that away once their answers are there, so a server without ranges, and a line that one connection fills, cost nothing more. What a
 * connection that fails has not brought comes over the others: the whole fails only when none is left, and never for one that only helped.
 *
 * Throws what the fetcher and the place throw, a retryable `ErrDataLoss` for a body that ends early, and the abort error.
 */
export async function fetchInRanges(work: RangeWork, context: RangeContext): Promise<RangesBrought> {
  return await new RangeFetch(work, context).run();
}

class RangeFetch {
  readonly #work: RangeWork;
  readonly #context: RangeContext;
  readonly #plan: RangePlan;
  readonly #sources: RangeSources;
  readonly #ramp: Ramp;
  readonly #lines = new Set<RangeLine>();
  readonly #patience = new RangePatience();
  readonly #choice: RangeChoice;
  readonly #pours: RangePours;
  /** Fires when nothing more is to be brought. */
  readonly #end = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #requests = 0;
  #hasAnswer = false;
  /** What the newest connection to the first source failed with, or what ended everything. */
  #failure: { readonly error: unknown } | undefined;
  /** The newest failure of a part whose body has ended early in good order. */
  #shortPart: ErrDataLoss | undefined;

  constructor(work: RangeWork, context: RangeContext) {
    this.#work = work;
    this.#context = context;
    const { descriptor, there, source, beside } = work;
    const { ranges, share } = context;
    this.#plan = new RangePlan(descriptor.size, there);
    this.#sources = new RangeSources(source, { digest: descriptor.digest, ranges, share, beside });
    this.#ramp = new Ramp(ranges.stepMs);
    this.#pours = new RangePours(work.place);
    const parts = { plan: this.#plan, lines: this.#lines, patience: this.#patience };
    this.#choice = new RangeChoice(parts, ranges);
  }

  async run(): Promise<RangesBrought> {
    const { signal } = this.#context;
    throwIfAborted(signal);
    if (!this.#plan.isDone) await this.#runLines(signal);
    throwIfAborted(signal);
    if (this.#failure && !this.#plan.isDone) {
      this.#noteShortParts(this.#failure.error);
      throw this.#failure.error;
    }
    return { requests: this.#requests };
  }

  async #runLines(signal: AbortSignal | undefined): Promise<void> {
    const stop = onAbort(signal, () => this.#end.abort());
    this.#start();
    const stopLooking = this.#watch();
    await this.#over.promise;
    this.#end.abort();
    stop();
    stopLooking();
  }

  get #nowMs(): number {
    return this.#context.ranges.clock.elapsed();
  }

  /** Looks how it goes until the function is called that is returned. Hundreds of times for a GiB: so no promises, nor listeners. */
  #watch(): () => void {
    const { clock } = this.#context.ranges;
    let stop: () => void;
    const again = (): void => {
      const lookMs = this.#ramp.isClimbingAt(this.#nowMs) ? CLIMBING_LOOK_MS : LOOK_MS;
      stop = callAfter(clock, lookMs, () => {
        if (this.#end.signal.aborted) return;
        this.#look();
        again();
      });
    };
    again();
    return () => stop();
  }

  #look(): void {
    const nowMs = this.#nowMs;
    for (const line of this.#lines) {
      line.look(nowMs);
      if (line.isLateAt(nowMs, this.#patience.ms)) this.#hurry(line);
    }
    if (this.#hasAnswer) this.#raise(nowMs);
    this.#relieve(nowMs);
    this.#wake();
  }

  /** Where one is far slower than the others, which are all busy, one more takes over from it if there may be one. */
  #relieve(nowMs: number): void {
    const mayStart = this.#lines.size === this.#ramp.wanted && this.#lines.size < this.#sources.most;
    if (mayStart && !this.#end.signal.aborted && this.#choice.hasSlow(nowMs)) this.#start();
  }

  /** Somebody else may have what is offered. Who only helps is asked no more. */
  #hurry(line: RangeLine): void {
    this.#sources.drop(line.source);
    this.#patience.ranOut();
    line.leave();
  }

  #raise(nowMs: number): void {
    const { leftBytes } = this.#plan;
    const lines = [...this.#lines];
    this.#ramp.look({
      nowMs,
      busyMs: this.#work.place.busyMs,
      heldMs: this.#context.heldMs?.() ?? 0,
      came: new Map(lines.map((line) => [line, line.bytes])),
      allMove: lines.every(({ isMoving }) => isMoving),
      most: this.#sources.most,
      isWorth: (rate) => isWorthMore(leftBytes, rate, this.#context.ranges),
    });
    if (this.#end.signal.aborted || this.#plan.isDone) return;
    if (this.#ramp.wanted > 1 && !this.#sources.areKnown) {
      this.#sources.lookBeside(() => this.#raise(this.#nowMs));
      return;
    }
    const missing = this.#ramp.wanted - this.#lines.size;
    for (let started = 0; started < missing; started++) this.#start();
  }

  #start(): void {
    const line = new RangeLine(this.#sources.next(this.#lines));
    this.#lines.add(line);
    void this.#live(line);
  }

  /** Everything that comes over one connection, or one after another where the server or we close it. */
  async #live(line: RangeLine): Promise<void> {
    try {
      while (!this.#end.signal.aborted) {
        const next = this.#next(line);
        if (next === "leave") break;
        if (next) await this.#bring(line, next);
        else if (this.#plan.claims.size === 0) break;
        else await this.#changed.promise;
      }
    } catch (error) {
      this.#fail(error, line.source);
    } finally {
      this.#lines.delete(line);
      this.#wake();
      if (this.#lines.size === 0) this.#endOrGoOn(line);
    }
  }

  /** Called when no connection is left. What was left to one that only helped comes from who is to bring it. */
  #endOrGoOn({ source }: RangeLine): void {
    const isMissing = !this.#plan.isDone && !this.#end.signal.aborted;
    const hasOnlyHelped = source !== this.#sources.first && !this.#failure;
    if (isMissing && hasOnlyHelped) this.#start();
    else this.#over.resolve();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #fail(error: unknown, source: RangeSource): void {
    if (this.#end.signal.aborted) return;
    const { endpoint, code, retryable } = findError(error) ?? {};
    this.#sources.drop(source);
    if (source !== this.#sources.first && endpoint !== undefined) return; // it only helped
    this.#failure = { error };
    this.#ramp.failed(this.#nowMs);
    const isUntrue = code === "ERR_DATA_LOSS" && retryable !== true;
    // What is our own trouble, or says that nothing from there can be trusted, meets the others as well.
    if (endpoint === undefined || isUntrue) this.#end.abort();
  }

  /** What a connection does next; `undefined`: nothing, as long as nothing changes. */
  #next(line: RangeLine): Next | "leave" | undefined {
    const isRanged = this.#sources.allows(line.source);
    const { most } = this.#sources;
    const slow = isRanged ? this.#choice.fromSlow(line, this.#nowMs) : undefined;
    if (slow) return slow;
    const areTooMany = this.#lines.size > Math.max(1, Math.min(this.#ramp.wanted, most));
    if (areTooMany && this.#sources.hasMost(line.source, this.#lines)) return "leave";
    if (!isRanged) return line.source === this.#sources.first ? this.#choice.everything() : "leave";
    if (this.#ramp.wanted === 1 || most === 1) return this.#choice.allInOne();
    return this.#choice.piece(line, this.#nowMs);
  }

  async #bring(line: RangeLine, next: Next): Promise<void> {
    const { claim, takeover } = next;
    line.begin(claim, this.#nowMs, takeover !== undefined);
    const signal = anySignal(this.#end.signal, line.signal);
    let isAccepted = takeover === undefined;
    try {
      const content = await this.#ask(next, line.source, signal);
      line.answered(this.#nowMs);
      this.#patience.answered(line.latencyMs);
      isAccepted ||= content !== undefined && this.#accept(takeover);
      if (isAccepted) line.accept();
      if (content && isAccepted) await this.#pour(content, next, line.source);
      else await content?.discard();
    } catch (error) {
      if (!line.signal.aborted) throw error; // otherwise others bring it
    } finally {
      line.end(this.#nowMs);
      if (isAccepted) this.#plan.release(claim);
      else if (takeover) this.#plan.decline(takeover);
      this.#wake();
    }
  }

  /** The content from the claim's start on; `undefined` when the endpoint gives no such part. */
  async #ask(
    { claim, isOpen }: Next,
    source: RangeSource,
    signal: AbortSignal,
  ): Promise<RemoteContent | undefined> {
    const { descriptor, place } = this.#work;
    const { fetcher } = source;
    const waiter = this.#requests++ === 0 ? this.#context.waiter : undefined;
    const options = { offset: claim.start, place: place.address, signal, waiter };
    const content = isOpen
      ? await fetcher.fetch(descriptor, options)
      : await fetcher.fetchPart?.(descriptor, { ...options, end: claim.end });
    if (content) this.#answered();
    else this.#refuse(source);
    return content;
  }

  /** Who only helps may have other contents. */
  #refuse(source: RangeSource): void {
    const { digest } = this.#work.descriptor;
    const isFirst = source === this.#sources.first;
    this.#context.ranges.refuse(source.endpoint, isFirst ? undefined : digest);
  }

  #answered(): void {
    if (this.#hasAnswer) return;
    this.#hasAnswer = true;
    this.#raise(this.#nowMs);
  }

  #accept(takeover: Next["takeover"]): boolean {
    if (!takeover || !this.#plan.accept(takeover)) return false;
    const loser = [...this.#lines].find(({ claim }) => claim === takeover.from);
    if (takeover.isLeft && loser?.hasNothing) this.#sources.drop(loser.source);
    if (takeover.isLeft || takeover.from.left === 0) loser?.leave();
    this.#wake();
    return true;
  }

  async #pour(content: RemoteContent, { claim, isOpen }: Next, source: RangeSource): Promise<void> {
    const { endpoint } = source;
    let couldPour = false;
    try {
      couldPour = await this.#pours.pour(content, claim, { signal: this.#end.signal });
    } finally {
      this.#noteBeside(endpoint, claim.reached - claim.start);
    }
    if (!couldPour) this.#refuse(source);
    if (!couldPour || claim.left === 0 || this.#end.signal.aborted) return;
    const { digest } = this.#work.descriptor;
    const message = `fetch ${digest}: got ${claim.reached} bytes, wanted ${claim.end}`;
    const error = new ErrDataLoss(message, { digest, endpoint, retryable: true });
    if (!isOpen) this.#shortPart = error;
    throw error;
  }

  /** Where parts are shorter than they were said to be, the next attempt asks for none. */
  #noteShortParts(failure: unknown): void {
    if (failure !== this.#shortPart) return;
    this.#context.ranges.refuse(this.#sources.first.endpoint, this.#work.descriptor.digest);
  }

  #noteBeside(endpoint: string, bytes: number): void {
    if (endpoint !== this.#sources.first.endpoint) this.#context.onBeside?.(endpoint, bytes);
  }
}
