import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import { ErrInternal } from "../errors/classes.ts";

/**
 * What every trace has: `node:diagnostics_channel` adds `result` when the work has succeeded, and `error` when it has not. Times are those
 * of `performance.now()`, in milliseconds. No secret and no signed query is in a trace.
 */
interface Trace<T> {
  readonly startedAtMs: number;
  result?: T | undefined;
  error?: unknown;
}

/** A pull or a push as a whole (`drayage:pull`, `drayage:push`); `result` is what the call gives. */
export interface OperationTrace extends Trace<unknown> {
  /** Tells it from all others; the lines about it in the log have it as well. */
  readonly operation: string;
  /** As the caller gave it, but for a user and a password in it. */
  readonly reference: string;
}

/** One attempt at a content (`drayage:transfer`), for all who want it. */
export interface TransferTrace extends Trace<undefined> {
  readonly digest: string;
  readonly mediaType: string;
  /** Size in bytes. */
  readonly size: number;
  readonly direction: "down" | "up";
  /** Origin of the endpoint. */
  readonly endpoint: string;
  /** Bytes of the whole that are there by now. */
  bytes: number;
  /** When the first bytes came. */
  firstByteAtMs?: number;
  /** When all had come, and were to be verified and written out. */
  receivedAtMs?: number;
}

/** One request (`drayage:request`), until its answer begins; each hop of a redirect, each request for a token is one. */
export interface RequestTrace extends Trace<{ readonly status: number }> {
  readonly method: string;
  /** The values of its query are hidden. */
  readonly url: string;
  /** When its connection stood; until then it waited for a socket, and for DNS, TCP and TLS where that was a new one. */
  connectedAtMs?: number;
}

/** A layer on its way from a blob to a directory (`drayage:unpack`); it may begin while the blob still comes. */
export interface UnpackTrace extends Trace<undefined> {
  /** Of the blob, if it is known. */
  readonly digest: string | undefined;
  readonly chainId: string;
  /** `prepare`: entries are made; `register`: the layer gets its place in the chain. */
  readonly step: "prepare" | "register";
}

type Channel<C extends object> = TracingChannel<C, C>;

/** The tracing channels of drayage. */
export const TRACES: {
  readonly pull: Channel<OperationTrace>;
  readonly push: Channel<OperationTrace>;
  readonly transfer: Channel<TransferTrace>;
  readonly request: Channel<RequestTrace>;
  readonly unpack: Channel<UnpackTrace>;
} = {
  pull: tracingChannel("drayage:pull"),
  push: tracingChannel("drayage:push"),
  transfer: tracingChannel("drayage:transfer"),
  request: tracingChannel("drayage:request"),
  unpack: tracingChannel("drayage:unpack"),
};

/** Work that is told on a channel. */
interface TracedWork<C extends object, T> {
  /** What is told of it when it begins; called only where somebody listens. */
  readonly contextOf: (startedAtMs: number) => C;
  readonly work: (context: C | undefined) => Promise<T>;
  /** What of its outcome is told as `result`. Default: nothing, as an outcome may hold what is nobody's business. */
  readonly shown?: (outcome: T) => unknown;
}

/** Does work, told on a channel; where nobody listens it is done as it is. */
export async function traced<C extends object, T>(
  channel: Channel<C>,
  { contextOf, work, shown }: TracedWork<C, T>,
): Promise<T> {
  if (!channel.hasSubscribers) return await work(undefined);
  const context = contextOf(performance.now());
  const running: { outcome?: { readonly value: T } } = {};
  await channel.tracePromise(async () => {
    const value = await work(context);
    running.outcome = { value };
    return shown?.(value);
  }, context);
  if (!running.outcome) throw new ErrInternal("trace work: it has ended without an outcome");
  return running.outcome.value;
}
