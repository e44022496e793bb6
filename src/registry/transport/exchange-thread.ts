import type { Worker } from "node:worker_threads";
import { type AbortOptions, abortError, throwIfAborted } from "../../async/abort.ts";
import { threadArguments } from "../../async/thread-program.ts";
import { ErrUnavailable } from "../../errors/classes.ts";
import { fromWire } from "../../errors/error-wire.ts";
import type { HttpRequest } from "../http/send.ts";
import type { Begun, Carrier, CarrierContext } from "./carrier.ts";
import { type ConnectionOptions, connectionLimits } from "./connection-options.ts";
import type { FromThread, ThreadBegin, ThreadSettings, ThreadTrust, ToThread } from "./exchange-wire.ts";
import { chosenAuthorities } from "./known-authorities.ts";
import { networkDefaults, type TlsDefaults, tlsDefaults } from "./network-defaults.ts";
import { networkError } from "./network-error.ts";
import type { Route } from "./pool-host.ts";
import type { DirectWay, RequestRoute } from "./routes.ts";
import { ThreadExchange } from "./thread-exchange.ts";
import { type PlaceThread, ThreadPlace } from "./thread-place.ts";

/** How a thread is made. */
export interface ExchangeThreadOptions {
  /** The program of the thread: an `ExchangeServer` and its places. */
  readonly file: URL;
  /** Those of the transport whose requests it is to carry. */
  readonly connection: Omit<ConnectionOptions, "proxy">;
  /** A body of more bytes goes past the parser, at the price of its connection. Default 64 MiB. */
  readonly directBytes?: number | undefined;
}

/** A place that was asked for. */
interface Asked {
  readonly opened: PromiseWithResolvers<void>;
  readonly closed: PromiseWithResolvers<unknown>;
}

/** How a request is carried. */
interface Way {
  readonly carrier: number;
  readonly direct: DirectWay;
}

/** A thread that has connections, and places for what comes over them. It keeps no process alive unless it has something to do. */
export class ExchangeThread implements PlaceThread {
  readonly #worker: Worker;
  readonly #options: ExchangeThreadOptions;
  readonly #exchanges = new Map<number, ThreadExchange>();
  readonly #places = new Map<number, Asked>();
  readonly #carriers = new Map<number, ThreadCarrier>();
  #lastNumber = 0;
  #isTrustTold = false;
  #isTlsTold = false;
  #hasStarted = false;
  #death: ErrUnavailable | undefined;
  /** What it threw before it ended. */
  #thrown: unknown;

  /** The caller calls `end` after use. Throws Node's error where threads are not allowed. */
  constructor(options: ExchangeThreadOptions) {
    this.#options = options;
    const { connection, directBytes } = options;
    const settings: ThreadSettings = {
      directBytes,
      limits: connectionLimits(connection),
      reuseBuffers: connection.reuseBuffers,
      network: networkDefaults(),
    };
    const threads = process.getBuiltinModule("node:worker_threads"); // two milliseconds that small pulls need not wait for
    this.#worker = new threads.Worker(options.file, {
      name: "drayage-transfer",
      stdin: false,
      ...threadArguments(),
      workerData: settings,
    });
    this.#worker.unref();
    this.#worker.on("message", (message: FromThread) => this.#hear(message));
    this.#worker.on("error", (error) => {
      this.#thrown = error;
    });
    // Not before it has ended: until then it may write.
    this.#worker.on("exit", (code) => this.#die(this.#thrown ?? new Error(`it ended with status ${code}`)));
  }

  /** Whether it can do nothing more. */
  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /** Whether it has ever come as far as to its program. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get busyMs(): number {
    return this.#worker.performance.eventLoopUtilization().active;
  }

  /**
   * Opens a place for a body, as its program understands `what`. The caller closes it. Throws what the program throws, a retryable
   * `ErrUnavailable` when the thread is dead or dies meanwhile, and the abort error.
   */
  async open(what: unknown, { signal }: AbortOptions = {}): Promise<ThreadPlace> {
    throwIfAborted(signal);
    if (this.#death) throw this.#death;
    const number = ++this.#lastNumber;
    const asked: Asked = { opened: Promise.withResolvers(), closed: Promise.withResolvers() };
    asked.closed.promise.catch(() => {}); // seen by whoever closes it
    this.#places.set(number, asked);
    const onAbort = (): void => this.#post({ kind: "close", place: number });
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#post({ kind: "open", place: number, what });
    try {
      await asked.opened.promise;
    } catch (error) {
      this.#places.delete(number);
      throw signal?.aborted ? abortError(signal) : error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#keepAlive();
    }
    return new ThreadPlace(number, this);
  }

  async close(number: number): Promise<unknown> {
    const asked = this.#places.get(number);
    this.#post({ kind: "close", place: number });
    try {
      return await asked?.closed.promise;
    } finally {
      this.#places.delete(number);
      this.#keepAlive();
    }
  }

  routeOf(route: RequestRoute): Route | undefined {
    const { direct } = route;
    if (!direct || this.#death) return undefined;
    return {
      key: `${route.key} in thread ${this.#worker.threadId}`,
      host: route.host,
      connect: (onClosed) => {
        const number = ++this.#lastNumber;
        const carrier = new ThreadCarrier({
          begin: (request, context) => this.#begin({ carrier: number, direct }, request, context),
          onClosed: () => onClosed(carrier),
          destroy: () => {
            this.#carriers.delete(number);
            this.#post({ kind: "destroy", carrier: number });
          },
        });
        this.#carriers.set(number, carrier);
        return carrier;
      },
    };
  }

  /** Ends the thread, whatever it does. Resolves when it touches nothing any more. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #begin({ carrier, direct }: Way, request: HttpRequest, context: CarrierContext): ThreadExchange {
    const id = ++this.#lastNumber;
    const exchange = new ThreadExchange(request, context, {
      id,
      post: (message) => this.#post(message),
      onEnd: () => {
        this.#exchanges.delete(id);
        this.#keepAlive();
      },
    });
    const known = this.#death ?? this.#untold(direct, request.method, context.url);
    if (known instanceof Error) {
      exchange.die(known);
      return exchange;
    }
    this.#exchanges.set(id, exchange);
    const { method, url, headers = {} } = request;
    const wire = { method, url, headers, ...direct, flow: exchange.begin() };
    this.#post({ kind: "begin", id, carrier, request: wire, ...known });
    return exchange;
  }

  /** What the thread has to be told for a request; what failed, if that cannot be had. */
  #untold(
    { tls }: DirectWay,
    method: string,
    { protocol, origin }: URL,
  ): Pick<ThreadBegin, "trust" | "tls"> | Error {
    if (protocol !== "https:") return {};
    try {
      const trust = tls?.skipVerify === true ? undefined : this.#untoldTrust();
      const defaults = this.#untoldTls();
      return { ...(trust && { trust }), ...(defaults && { tls: defaults }) };
    } catch (error) {
      return networkError(error, { action: `${method} ${origin}`, endpoint: origin });
    }
  }

  /** Not at the start: this thread may have no TLS yet. */
  #untoldTls(): TlsDefaults | undefined {
    if (this.#isTlsTold) return undefined;
    this.#isTlsTold = true;
    return tlsDefaults();
  }

  #untoldTrust(): ThreadTrust | undefined {
    if (this.#isTrustTold) return undefined;
    const { authorities = [] } = this.#options.connection;
    const trust = {
      authorities: typeof authorities === "function" ? authorities() : authorities,
      defaults: chosenAuthorities(),
    };
    this.#isTrustTold = true;
    return trust;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message, []);
    this.#keepAlive();
  }

  #keepAlive(): void {
    if (this.#exchanges.size + this.#places.size > 0) this.#worker.ref();
    else this.#worker.unref();
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case "ready":
        this.#hasStarted = true;
        break;
      case "opened":
        this.#places.get(message.place)?.opened.resolve();
        break;
      case "unopened":
        this.#places.get(message.place)?.opened.reject(fromWire(message.error));
        break;
      case "closed":
        this.#places.get(message.place)?.closed.resolve(message.result);
        break;
      case "lost":
        this.#carriers.get(message.carrier)?.lose();
        break;
      case "exchange":
        this.#exchanges.get(message.id)?.hear(message.said);
        break;
    }
  }

  #die(cause: unknown): void {
    const error = new ErrUnavailable("transfer: the thread that did it died", { cause, retryable: true });
    this.#death = error;
    for (const { opened, closed } of this.#places.values()) {
      opened.reject(error);
      closed.reject(error);
    }
    for (const exchange of this.#exchanges.values()) exchange.die(error);
    for (const carrier of this.#carriers.values()) carrier.lose();
    this.#carriers.clear();
  }
}

interface ThreadCarrierParts {
  readonly begin: (request: HttpRequest, context: CarrierContext) => ThreadExchange;
  readonly onClosed: () => void;
  readonly destroy: () => void;
}

/** A connection that is in another thread. */
class ThreadCarrier implements Carrier {
  readonly #parts: ThreadCarrierParts;
  #isOpen = true;
  #exchange: ThreadExchange | undefined;

  constructor(parts: ThreadCarrierParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  begin(request: HttpRequest, context: CarrierContext): Begun {
    this.#isOpen = true; // a socket that was lost is opened anew
    this.#exchange = this.#parts.begin(request, context);
    return this.#exchange;
  }

  /** The socket has closed. */
  lose(): void {
    this.#isOpen = false;
    this.#parts.onClosed();
  }

  async destroy(reason: Error): Promise<void> {
    this.#exchange?.cut(reason);
    this.#parts.destroy();
  }
}
