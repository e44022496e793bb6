import { tracingChannel } from "node:diagnostics_channel";
import type { Channel, Trace } from "../async/traced.ts";

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
  /** For how long bytes were hashed as they came, in whichever thread; absent where they were held in memory. */
  hashMs?: number | undefined;
  /** The same of writing. */
  writeMs?: number | undefined;
}

/** One request (`drayage:request`), until its answer begins; each hop of a redirect, each request for a token is one. */
export interface RequestTrace extends Trace<{ readonly status: number }> {
  readonly method: string;
  /** The values of its query are hidden. */
  readonly url: string;
  /** When its connection stood; until then it waited for a socket, and for DNS, TCP and TLS where that was a new one. */
  connectedAtMs?: number;
  /** How that connection was made, perhaps before the request began; absent where another request had used it before. */
  connection?: ConnectionSteps;
}

/** How a connection was made, in whichever thread; times as in traces. */
export interface ConnectionSteps {
  readonly startedAtMs: number;
  /** When DNS had answered; absent where an address was given. */
  lookedUpAtMs?: number;
  /** When TCP stood, to the server or to its proxy. */
  tcpAtMs?: number;
  /** When the proxy had made a tunnel to the server. */
  tunneledAtMs?: number;
  /** When TLS stood. */
  securedAtMs?: number;
}

/** A layer on its way from a blob to a directory (`drayage:unpack`); it may begin while the blob still comes. */
export interface UnpackTrace extends Trace<undefined> {
  /** Of the blob, if it is known. */
  readonly digest: string | undefined;
  readonly chainId: string;
  /** `prepare`: entries are made; `register`: the layer gets its place in the chain. */
  readonly step: "prepare" | "register";
}

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
