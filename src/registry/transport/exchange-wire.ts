import type { WireError } from "../../errors/error-wire.ts";
import type { ConnectionSteps } from "../../progress/tracing.ts";
import type { HttpRequest, HttpResponse } from "../http/send.ts";
import type { ConnectionLimits } from "./connection-options.ts";
import type { NetworkDefaults, TlsDefaults } from "./network-defaults.ts";
import type { DirectWay } from "./routes.ts";

/** How the connections of a thread are made, told once when it is started. */
export interface ThreadSettings {
  readonly limits: ConnectionLimits;
  readonly reuseBuffers: boolean | undefined;
  /** See `ExchangeThreadOptions`. */
  readonly directBytes: number | undefined;
  /** What holds in the thread that starts it. */
  readonly network: NetworkDefaults;
}

/** Which authorities a thread trusts. */
export interface ThreadTrust {
  /** Beside Node's own. */
  readonly authorities: readonly string[];
  /** In the place of Node's own. */
  readonly defaults?: readonly string[] | undefined;
}

/** A request as it is told to a thread: one without a body. */
export interface WireRequest extends Pick<HttpRequest, "method" | "url">, DirectWay {
  readonly headers: Readonly<Record<string, string>>;
  /** How fast its body may come at first. Absent: as fast as it does, for ever. */
  readonly flow?: "open" | "metered" | undefined;
}

/** What is to become of the body of an answer. */
export type BodyUse =
  | { readonly how: "bytes" | "head"; readonly maxBytes: number }
  | { readonly how: "discard" | "pipe" }
  | { readonly how: "pour"; readonly place: number; readonly into: unknown };

/** A request that a thread is to carry. */
export interface ThreadBegin {
  readonly kind: "begin";
  readonly id: number;
  readonly carrier: number;
  readonly request: WireRequest;
  /** Where the thread may need it and was not told yet. */
  readonly trust?: ThreadTrust;
  /** What holds of TLS, likewise. */
  readonly tls?: TlsDefaults;
}

/** What a thread is told. `id` names a request, `place` a place for bodies, `carrier` a connection. */
export type ToThread =
  | { readonly kind: "open"; readonly place: number; readonly what: unknown }
  | { readonly kind: "close"; readonly place: number }
  | ThreadBegin
  | { readonly kind: "abort"; readonly id: number }
  /** The body of an answer may come as it does, only as it is granted, or so many bytes more. */
  | { readonly kind: "unmeter" | "meter"; readonly id: number }
  | { readonly kind: "grant"; readonly id: number; readonly bytes: number }
  | { readonly kind: "body"; readonly id: number; readonly use: BodyUse }
  /** A chunk was taken, or will not be. */
  | { readonly kind: "taken"; readonly id: number; readonly isRefused: boolean }
  | { readonly kind: "destroy"; readonly carrier: number };

/** What a thread says of a request. */
export type AboutExchange =
  /** How, if no request was sent over the connection before; by the thread's clock, which began at `timeOrigin`. */
  | {
      readonly kind: "connected";
      readonly connection?: ConnectionSteps | undefined;
      readonly timeOrigin: number;
    }
  | { readonly kind: "outcome"; readonly status: number | undefined; readonly ageMs: number }
  | { readonly kind: "over"; readonly reusable: boolean }
  | { readonly kind: "answer"; readonly status: number; readonly headers: HttpResponse["headers"] }
  | { readonly kind: "failed"; readonly error: WireError; readonly stale: boolean }
  /** See `Outlet.ask`. */
  | { readonly kind: "dry"; readonly mostBytes: number }
  /** No more will pass; so much was granted and has not. */
  | { readonly kind: "unspent"; readonly bytes: number }
  | { readonly kind: "chunk"; readonly bytes: Uint8Array }
  | { readonly kind: "read"; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "broken"; readonly error: WireError };

/** What a thread says. */
export type FromThread =
  /** It has started. */
  | { readonly kind: "ready" }
  | { readonly kind: "opened"; readonly place: number }
  | { readonly kind: "unopened"; readonly place: number; readonly error: WireError }
  /** Nothing touches a place any more; what came of it. */
  | { readonly kind: "closed"; readonly place: number; readonly result: unknown }
  /** The socket of a connection has closed by itself. */
  | { readonly kind: "lost"; readonly carrier: number }
  | { readonly kind: "exchange"; readonly id: number; readonly said: AboutExchange };
