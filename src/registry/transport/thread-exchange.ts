import { abortError } from "../../async/abort.ts";
import type { Outlet } from "../../bandwidth/flow.ts";
import { ErrInternal } from "../../errors/classes.ts";
import { fromWire } from "../../errors/error-wire.ts";
import type { ChunkSink, HttpBody, HttpRequest, HttpResponse } from "../http/send.ts";
import type { Begun, CarrierContext } from "./carrier.ts";
import { shiftSteps } from "./connection-steps.ts";
import type { AboutExchange, BodyUse, ToThread } from "./exchange-wire.ts";

/** How a `ThreadExchange` speaks with its thread. */
export interface ThreadExchangeParts {
  readonly id: number;
  readonly post: (message: ToThread) => void;
  /** Called once, when the thread has nothing more to say. */
  readonly onEnd: () => void;
}

/** A request whose connection is in another thread. */
export class ThreadExchange implements Begun {
  readonly response: Promise<HttpResponse>;
  readonly #request: HttpRequest;
  readonly #context: CarrierContext;
  readonly #parts: ThreadExchangeParts;
  readonly #answer = Promise.withResolvers<HttpResponse>();
  readonly #read = Promise.withResolvers<Uint8Array | undefined>();
  readonly #onAbort = (): void => this.#parts.post({ kind: "abort", id: this.#parts.id });
  #sink: ChunkSink | undefined;
  #ofSink: { readonly error: unknown } | undefined;
  #isUsed = false;
  #isOver = false;
  /** Why its connection was closed under it. */
  #reason: Error | undefined;
  #stale = false;
  readonly #outlet: Outlet | undefined;
  #flow: "open" | "metered" | undefined;
  #isBegun = false;
  #unspentBytes = 0;

  constructor(request: HttpRequest, context: CarrierContext, parts: ThreadExchangeParts) {
    this.#request = request;
    this.#context = context;
    this.#parts = parts;
    this.response = this.#answer.promise;
    this.#read.promise.catch(() => {}); // seen by whoever uses the body, perhaps later
    request.signal?.addEventListener("abort", this.#onAbort, { once: true });
    const { id } = parts;
    this.#outlet = request.flow?.open({
      open: () => this.#meter("open", { kind: "unmeter", id }),
      meter: () => this.#meter("metered", { kind: "meter", id }),
      grant: (bytes) => parts.post({ kind: "grant", id, bytes }),
    });
  }

  /** How fast its body may come when the thread is told of it, which is now. */
  begin(): "open" | "metered" | undefined {
    this.#isBegun = true;
    return this.#flow;
  }

  get stale(): boolean {
    return this.#stale;
  }

  /** Takes what the thread says. */
  hear(said: AboutExchange): void {
    switch (said.kind) {
      case "connected":
        this.#connected(said);
        break;
      case "outcome":
        this.#noteOutcome(said);
        break;
      case "over":
        this.#over(said.reusable);
        break;
      case "answer":
        this.#answered(said);
        break;
      case "dry":
        this.#outlet?.ask(said.mostBytes);
        break;
      case "unspent":
        this.#unspentBytes = said.bytes;
        break;
      case "chunk":
        void this.#take(said.bytes);
        break;
      case "read":
        this.#read.resolve(said.bytes);
        this.#end();
        break;
      case "failed":
        this.#stale = said.stale;
        this.#fail(fromWire(said.error));
        break;
      case "broken":
        this.#fail(this.#ofSink ? this.#ofSink.error : fromWire(said.error));
        break;
    }
  }

  /** Its connection is closed; that the thread has left it is told by `hear`, or `die`. */
  cut(reason: Error): void {
    if (!this.#isOver) this.#reason = reason;
  }

  /** The thread is dead. */
  die(error: Error): void {
    this.#over(false);
    this.#fail(error);
  }

  #connected({ connection, timeOrigin: from }: Extract<AboutExchange, { kind: "connected" }>): void {
    const { onConnected } = this.#request;
    onConnected?.(connection && shiftSteps(connection, { from, to: performance.timeOrigin }));
  }

  /** Each thread has a time of its own. */
  #noteOutcome({ status, ageMs }: Extract<AboutExchange, { kind: "outcome" }>): void {
    const { clock, onOutcome } = this.#context;
    onOutcome({ status, sentAtMs: clock.elapsed() - ageMs });
  }

  #answered({ status, headers }: Extract<AboutExchange, { kind: "answer" }>): void {
    const body: HttpBody = {
      pipeTo: async (sink) => {
        this.#sink = sink;
        await this.#use({ how: "pipe" });
      },
      bytes: async (maxBytes) => (await this.#use({ how: "bytes", maxBytes })) ?? new Uint8Array(),
      head: async (maxBytes) =>
        (await this.#use({ how: "head", maxBytes }).catch(() => undefined)) ?? new Uint8Array(),
      discard: async () => {
        await this.#use({ how: "discard" }).catch(() => {}); // how it ends is nobody's business
      },
      pour: async (into) => {
        const place = this.#request.place?.number ?? 0;
        await this.#use({ how: "pour", place, into });
      },
    };
    this.#answer.resolve({ status, headers, url: this.#request.url, body });
  }

  async #use(use: BodyUse): Promise<Uint8Array | undefined> {
    if (this.#isUsed) throw new ErrInternal("read body: it was read or discarded already");
    this.#isUsed = true;
    this.#parts.post({ kind: "body", id: this.#parts.id, use });
    return await this.#read.promise;
  }

  async #take(bytes: Uint8Array): Promise<void> {
    const { id, post } = this.#parts;
    try {
      await this.#sink?.(bytes);
    } catch (error) {
      this.#ofSink = { error };
    }
    post({ kind: "taken", id, isRefused: this.#ofSink !== undefined });
  }

  #meter(flow: "open" | "metered", message: ToThread): void {
    this.#flow = flow;
    if (this.#isBegun) this.#parts.post(message);
  }

  #over(reusable: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.onOver(reusable);
  }

  #fail(failure: unknown): void {
    const { signal } = this.#request;
    const error = signal?.aborted ? abortError(signal) : (this.#reason ?? failure);
    this.#answer.reject(error);
    this.#read.reject(error);
    this.#end();
  }

  #end(): void {
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    this.#outlet?.close(this.#unspentBytes);
    this.#parts.onEnd();
  }
}
