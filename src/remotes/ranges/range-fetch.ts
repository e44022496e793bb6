import { type AbortOptions, anySignal, throwIfAborted } from "../../async/abort.ts";
import type { Waiter } from "../../async/waiting.ts";
import type { ByteRange } from "../../content/byte-ranges.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Place } from "../../registry/http/send.ts";
import type { Fetcher, RemoteContent } from "../remote.ts";
import type { Claim } from "./claim.ts";
import { isWorthMore } from "./pacing.ts";
import { Ramp } from "./ramp.ts";
import { type Next, RangeChoice } from "./range-choice.ts";
import { RangeLine } from "./range-line.ts";
import { RangePlan } from "./range-plan.ts";
import type { RangeShare, Ranges } from "./ranges.ts";

/** How often it is looked how far everything is, in milliseconds. */
const LOOK_MS = 50;

/** Where ranges of one content are poured into, several at the same time. */
export interface RangePlace {
  /** What a request names for its answer to come here; absent where it comes here anyway. */
  readonly address: Place | undefined;
  /** Whether content can be poured here. */
  takes(content: RemoteContent): boolean;
  /** Becomes a place for content that does not come where it is. Nothing may be on its way. */
  moveHere(options: AbortOptions): Promise<void>;
  /**
   * Pours content, but for its first `skip` bytes, into what is claimed; what is there already is passed over. Nothing more is written once
   * it has settled.
   */
  pour(content: RemoteContent, claim: Claim, skip: number): Promise<void>;
}

/** What is to be brought, and from where. */
export interface RangeWork {
  readonly descriptor: Descriptor;
  /** What is there already. */
  readonly there: readonly ByteRange[];
  readonly place: RangePlace;
  readonly fetcher: Fetcher;
  /** Origin of the endpoint behind `fetcher`. */
  readonly endpoint: string;
}

/** What surrounds it. */
export interface RangeContext extends AbortOptions {
  readonly ranges: Ranges;
  readonly share: RangeShare;
  /** Of the first request: who waits for another connection holds nothing up. */
  readonly waiter?: Waiter | undefined;
}

/** How a content has come. */
export interface RangesBrought {
  /** How many requests it took. */
  readonly requests: number;
}

/**
 * Brings what is missing of a content over as many connections as help. The first request is for all of it. Others take parts of
 * that away once their answers are there, so a server without ranges, and a line that one connection fills, cost nothing more. What a
 * connection that fails has not brought comes over the others: the whole fails only when none is left.
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
  readonly #ramp: Ramp;
  readonly #lines = new Set<RangeLine>();
  readonly #choice: RangeChoice;
  /** Fires when nothing more is to be brought. */
  readonly #end = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #requests = 0;
  #hasAnswer = false;
  /** What the newest connection failed with, or what ended everything. */
  #failure: { readonly error: unknown } | undefined;

  constructor(work: RangeWork, context: RangeContext) {
    this.#work = work;
    this.#context = context;
    this.#plan = new RangePlan(work.descriptor.size, work.there);
    this.#ramp = new Ramp(context.ranges.stepMs);
    this.#choice = new RangeChoice(this.#plan, this.#lines, context.ranges);
  }

  async run(): Promise<RangesBrought> {
    const { signal } = this.#context;
    throwIfAborted(signal);
    if (!this.#plan.isDone) await this.#runLines(signal);
    throwIfAborted(signal);
    if (this.#failure && !this.#plan.isDone) throw this.#failure.error;
    return { requests: this.#requests };
  }

  async #runLines(signal: AbortSignal | undefined): Promise<void> {
    const onAbort = (): void => this.#end.abort();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#start();
    const watching = this.#watch();
    await this.#over.promise;
    this.#end.abort();
    signal?.removeEventListener("abort", onAbort);
    await watching;
  }

  get #nowMs(): number {
    return this.#context.ranges.clock.elapsed();
  }

  /** Connections that there may be. */
  get #most(): number {
    return this.#hasRefused ? 1 : this.#context.share.mostAt(this.#work.endpoint);
  }

  async #watch(): Promise<void> {
    const { signal } = this.#end;
    const { clock } = this.#context.ranges;
    for (;;) {
      await clock.sleep(LOOK_MS, { signal }).catch(() => {});
      if (signal.aborted) return;
      this.#look();
    }
  }

  #look(): void {
    const nowMs = this.#nowMs;
    for (const line of this.#lines) line.look(nowMs);
    if (this.#hasAnswer) this.#raise(nowMs);
    this.#wake();
  }

  #raise(nowMs: number): void {
    const { leftBytes } = this.#plan;
    const lines = [...this.#lines];
    this.#ramp.look({
      nowMs,
      came: new Map(lines.map((line) => [line, line.bytes])),
      allMove: lines.every(({ isMoving }) => isMoving),
      most: this.#most,
      isWorth: (rate) => isWorthMore(leftBytes, rate, this.#context.ranges),
    });
    if (this.#end.signal.aborted || this.#plan.isDone) return;
    const missing = this.#ramp.wanted - this.#lines.size;
    for (let started = 0; started < missing; started++) this.#start();
  }

  #start(): void {
    const line = new RangeLine();
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
      this.#fail(error);
    } finally {
      this.#lines.delete(line);
      this.#wake();
      if (this.#lines.size === 0) this.#over.resolve();
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #fail(error: unknown): void {
    if (this.#end.signal.aborted) return;
    this.#failure = { error };
    this.#ramp.failed(this.#nowMs);
    const { endpoint, code, retryable } = findError(error) ?? {};
    const isUntrue = code === "ERR_DATA_LOSS" && retryable !== true;
    // What is our own trouble, or says that nothing from there can be trusted, meets the others as well.
    if (endpoint === undefined || isUntrue) this.#end.abort();
  }

  /** What a connection does next; `undefined`: nothing, as long as nothing changes. */
  #next(line: RangeLine): Next | "leave" | undefined {
    const isUnranged = this.#hasRefused;
    const slow = isUnranged ? undefined : this.#choice.fromSlow(line, this.#nowMs);
    if (slow) return slow;
    if (this.#lines.size > Math.max(1, Math.min(this.#ramp.wanted, this.#most))) return "leave";
    if (isUnranged) return this.#choice.everything();
    if (this.#ramp.wanted === 1 || this.#most === 1) return this.#choice.allInOne();
    return this.#choice.piece(line, this.#nowMs);
  }

  /** Whether the endpoint is known to give no ranges. */
  get #hasRefused(): boolean {
    const { fetcher, endpoint, descriptor } = this.#work;
    return fetcher.fetchPart === undefined || !this.#context.ranges.allows(endpoint, descriptor.digest);
  }

  async #bring(line: RangeLine, next: Next): Promise<void> {
    const { claim, takeover } = next;
    line.begin(claim, this.#nowMs);
    const signal = anySignal(this.#end.signal, line.signal);
    let isAccepted = takeover === undefined;
    try {
      const content = await this.#ask(next, signal);
      isAccepted ||= content !== undefined && this.#accept(takeover);
      if (content && isAccepted) await this.#pour(content, claim, signal);
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
  async #ask({ claim, isOpen }: Next, signal: AbortSignal): Promise<RemoteContent | undefined> {
    const { descriptor, place, fetcher, endpoint } = this.#work;
    const { waiter, ranges } = this.#context;
    const options = { offset: claim.start, place: place.address, signal };
    const first = this.#requests++ === 0 ? waiter : undefined;
    const content = isOpen
      ? await fetcher.fetch(descriptor, { ...options, waiter: first })
      : await fetcher.fetchPart?.(descriptor, { ...options, end: claim.end, waiter: first });
    if (content) this.#answered();
    else ranges.refuse(endpoint);
    return content;
  }

  #answered(): void {
    if (this.#hasAnswer) return;
    this.#hasAnswer = true;
    this.#raise(this.#nowMs);
  }

  #accept(takeover: Next["takeover"]): boolean {
    if (!takeover || !this.#plan.accept(takeover)) return false;
    const loser = [...this.#lines].find(({ claim }) => claim === takeover.from);
    if (takeover.isLeft || takeover.from.left === 0) loser?.leave();
    this.#wake();
    return true;
  }

  async #pour(content: RemoteContent, claim: Claim, signal: AbortSignal): Promise<void> {
    const { endpoint, descriptor, place } = this.#work;
    const { digest } = descriptor;
    if (!place.takes(content)) await place.moveHere({ signal });
    await place.pour(content, claim, claim.start - content.offset);
    if (claim.left === 0 || this.#end.signal.aborted) return;
    const message = `fetch ${digest}: got ${claim.reached} bytes, wanted ${claim.end}`;
    throw new ErrDataLoss(message, { digest, endpoint, retryable: true });
  }
}
