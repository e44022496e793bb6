import { systemClock } from "../../async/clock.ts";
import type { Flow, TapEnd } from "../../bandwidth/flow.ts";
import { ErrCanceled, ErrFailedPrecondition } from "../../errors/classes.ts";
import { toWire } from "../../errors/error-wire.ts";
import { type ChunkSink, HERE, type HttpBody } from "../http/send.ts";
import type { Begun, Carrier } from "./carrier.ts";
import type {
  AboutExchange,
  BodyUse,
  FromThread,
  ThreadSettings,
  ThreadTrust,
  ToThread,
} from "./exchange-wire.ts";
import { takeNetworkDefaults, takeTlsDefaults } from "./network-defaults.ts";
import { nodeTls } from "./node-tls.ts";
import { directRoutes } from "./routes.ts";
import { readingAlone } from "./socket-feed.ts";

/** What a defect of this thread is said to have been about. */
const DOING = "transfer";

/** A place for bodies, in the thread where they come. */
export interface OpenPlace {
  /**
   * Takes a body; `into` says where its bytes belong, as whoever opened the place understands it. Several may come at the same time. A chunk
   * is valid until the call returns, whatever that gives.
   */
  sink(into: unknown): ChunkSink;
  /** Ends the use of the place, when no body comes any more. What came of it, in a form that can be copied. Never rejects. */
  close(): Promise<unknown>;
}

/** What a server is made of. */
export interface ExchangeServerParts {
  readonly settings: ThreadSettings;
  readonly post: (message: FromThread, transfer: readonly ArrayBuffer[]) => void;
  /** Opens a place; rejects when that fails, or the signal fires. */
  readonly openPlace: (what: unknown, options: { readonly signal: AbortSignal }) => Promise<OpenPlace>;
}

/** A place, from the moment on at which it is asked for. */
interface Place {
  readonly controller: AbortController;
  readonly opened: Promise<OpenPlace | undefined>;
  open: OpenPlace | undefined;
}

/** A request under way here. */
interface Served {
  readonly controller: AbortController;
  body: HttpBody | undefined;
  /** Whether its body may come as it does. */
  isOpen: boolean;
  /** Where its body passes. */
  tap: TapEnd | undefined;
  /** Told whether the other thread has taken a chunk. */
  onTaken: ((isRefused: boolean) => void) | undefined;
}

type About<Kind extends ToThread["kind"]> = Extract<ToThread, { kind: Kind }>;

/** The end of an `ExchangeThread` that is in the thread: it has the connections, and pours bodies into places. */
export class ExchangeServer {
  readonly #parts: ExchangeServerParts;
  readonly #routeOf: ReturnType<typeof directRoutes>;
  readonly #places = new Map<number, Place>();
  readonly #carriers = new Map<number, Carrier>();
  readonly #served = new Map<number, Served>();
  #authorities: readonly string[] = [];

  constructor(parts: ExchangeServerParts) {
    this.#parts = parts;
    const { limits, reuseBuffers, directBytes, network } = parts.settings;
    takeNetworkDefaults(network);
    const reading = readingAlone(directBytes);
    this.#routeOf = directRoutes({ reuseBuffers, authorities: () => this.#authorities }, limits, reading);
  }

  /** Does what it is told. */
  take(message: ToThread): void {
    switch (message.kind) {
      case "open":
        this.#open(message);
        break;
      case "close":
        void this.#close(message.place);
        break;
      case "begin":
        this.#begin(message);
        break;
      case "abort":
        this.#served.get(message.id)?.controller.abort();
        break;
      case "unmeter":
      case "meter":
        this.#meter(message);
        break;
      case "grant":
        this.#served.get(message.id)?.tap?.grant(message.bytes);
        break;
      case "body":
        void this.#use(message);
        break;
      case "taken":
        this.#served.get(message.id)?.onTaken?.(message.isRefused);
        break;
      case "destroy":
        this.#destroy(message.carrier);
        break;
    }
  }

  #open({ place: number, what }: About<"open">): void {
    const controller = new AbortController();
    const opened = this.#parts.openPlace(what, { signal: controller.signal }).then(
      (open) => {
        place.open = open;
        this.#post({ kind: "opened", place: number });
        return open;
      },
      (error: unknown) => {
        this.#post({ kind: "unopened", place: number, error: toWire(error, DOING) });
        return undefined;
      },
    );
    const place: Place = { controller, opened, open: undefined };
    this.#places.set(number, place);
  }

  async #close(number: number): Promise<void> {
    const place = this.#places.get(number);
    place?.controller.abort();
    const open = await place?.opened;
    this.#places.delete(number);
    this.#post({ kind: "closed", place: number, result: await open?.close() });
  }

  #begin({ id, carrier: number, request, trust, tls }: About<"begin">): void {
    if (trust) this.#trust(trust);
    if (tls) takeTlsDefaults(tls);
    const served: Served = {
      controller: new AbortController(),
      body: undefined,
      isOpen: request.flow !== "metered",
      tap: undefined,
      onTaken: undefined,
    };
    this.#served.set(id, served);
    const url = new URL(request.url);
    const carrier = this.#carriers.get(number) ?? this.#connect(number, url, request);
    const begun = carrier.begin(
      {
        ...request,
        place: HERE, // what is not poured is copied at once
        flow: request.flow && this.#flowOf(id, served),
        signal: served.controller.signal,
        onConnected: (connection) => {
          this.#say(id, { kind: "connected", connection, timeOrigin: performance.timeOrigin });
        },
      },
      {
        url,
        clock: systemClock,
        onOutcome: ({ status, sentAtMs }) => {
          this.#say(id, { kind: "outcome", status, ageMs: systemClock.elapsed() - sentAtMs });
        },
        onOver: (reusable) => this.#say(id, { kind: "over", reusable: reusable && carrier.isOpen }),
      },
    );
    void this.#answer(id, served, begun);
  }

  #trust({ authorities, defaults }: ThreadTrust): void {
    this.#authorities = authorities;
    if (defaults) nodeTls().setDefaultCACertificates(defaults); // in this thread alone
  }

  async #answer(id: number, served: Served, begun: Begun): Promise<void> {
    try {
      const { status, headers, body } = await begun.response;
      served.body = body;
      this.#say(id, { kind: "answer", status, headers });
    } catch (error) {
      this.#served.delete(id);
      this.#say(id, { kind: "failed", error: toWire(error, DOING), stale: begun.stale });
    }
  }

  /** What the other thread says of a body, as its flow in this one. */
  #flowOf(id: number, served: Served): Flow {
    return {
      open: (tap) => {
        served.tap = tap;
        if (served.isOpen) tap.open();
        else tap.meter();
        return {
          ask: (mostBytes) => this.#say(id, { kind: "dry", mostBytes }),
          close: (bytes) => {
            if (bytes > 0) this.#say(id, { kind: "unspent", bytes });
          },
        };
      },
    };
  }

  #meter({ id, kind }: About<"unmeter" | "meter">): void {
    const served = this.#served.get(id);
    if (!served) return;
    served.isOpen = kind === "unmeter";
    if (served.isOpen) served.tap?.open();
    else served.tap?.meter();
  }

  #connect(number: number, url: URL, request: About<"begin">["request"]): Carrier {
    const carrier = this.#routeOf(url, request).connect(() => this.#post({ kind: "lost", carrier: number }));
    this.#carriers.set(number, carrier);
    return carrier;
  }

  #destroy(number: number): void {
    void this.#carriers.get(number)?.destroy(new ErrCanceled("transport closed"));
    this.#carriers.delete(number);
  }

  async #use({ id, use }: About<"body">): Promise<void> {
    const served = this.#served.get(id);
    if (!served?.body) return;
    try {
      const bytes = await this.#read(id, served.body, use);
      this.#say(id, { kind: "read", bytes });
    } catch (error) {
      this.#say(id, { kind: "broken", error: toWire(error, DOING) });
    } finally {
      this.#served.delete(id);
    }
  }

  async #read(id: number, body: HttpBody, use: BodyUse): Promise<Uint8Array | undefined> {
    if (use.how === "bytes") return await body.bytes(use.maxBytes);
    if (use.how === "head") return await body.head(use.maxBytes);
    if (use.how === "discard") await body.discard();
    if (use.how === "pipe") await body.pipeTo((chunk) => this.#handOn(id, chunk));
    if (use.how === "pour") await body.pipeTo(this.#sinkOf(use));
    return undefined;
  }

  #sinkOf({ place, into }: Extract<BodyUse, { how: "pour" }>): ChunkSink {
    const open = this.#places.get(place)?.open;
    if (!open) throw new ErrFailedPrecondition("pour body: its place is not open");
    return open.sink(into);
  }

  /** A copy for the other thread, which says when it has taken it. */
  async #handOn(id: number, chunk: Uint8Array): Promise<void> {
    const served = this.#served.get(id);
    const taken = Promise.withResolvers<void>();
    if (served) {
      served.onTaken = (isRefused) =>
        isRefused ? taken.reject(new ErrCanceled("read body: its reader gave up")) : taken.resolve();
    }
    const bytes = Uint8Array.from(chunk);
    this.#parts.post({ kind: "exchange", id, said: { kind: "chunk", bytes } }, [bytes.buffer]);
    await taken.promise;
  }

  #say(id: number, said: AboutExchange): void {
    this.#post({ kind: "exchange", id, said });
  }

  #post(message: FromThread): void {
    this.#parts.post(message, []);
  }
}
