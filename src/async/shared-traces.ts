import { channel, tracingChannel } from "node:diagnostics_channel";
import { type Channel, type Trace, traced } from "./traced.ts";

/** What is shared: a transfer of a content, a question what a name means or what an endpoint asks for, credentials, a token. */
export type SharedKind = "transfer" | "name" | "root" | "token" | "credentials" | "other";

/** Work that several may want and that belongs to none of them (`drayage:shared`). One object, as long as somebody may join it. */
export interface SharedTrace {
  readonly kind: SharedKind;
  /** Of a transfer its key, such as `layer-sha256:...`, or the chain ID of the layer that is made; otherwise absent. */
  readonly key?: string | undefined;
}

/** One who wants shared work waits for it (`drayage:join`), in his own context. */
export interface JoinTrace extends Trace<undefined> {
  readonly shared: SharedTrace;
}

/** The channel of shared work: for contexts that are bound to it. */
export const SHARED = channel("drayage:shared");

/** The channel of those who wait for it. */
export const JOIN: Channel<JoinTrace> = tracingChannel("drayage:join");

/** The trace of shared work, made when it begins or when somebody joins it; `undefined` where nobody listens. */
export function sharedTrace(kind: SharedKind, key?: string): SharedTrace | undefined {
  return SHARED.hasSubscribers ? { kind, key } : undefined;
}

/** Runs shared work, or a part of it, in the context that those who listen to `drayage:shared` have bound. */
export function runShared<R>(trace: SharedTrace | undefined, run: () => R): R {
  return trace ? SHARED.runStores(trace, run) : run();
}

/** Waits for shared work, told on `drayage:join`. */
export function joinShared<T>(trace: SharedTrace | undefined, wait: () => Promise<T>): Promise<T> {
  if (!trace) return wait();
  return traced(JOIN, { contextOf: (startedAtMs) => ({ startedAtMs, shared: trace }), work: wait });
}
