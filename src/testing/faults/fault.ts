import type { RequestKind, RequestRecord } from "../http/request-record.ts";

/** Which requests a fault is for: those that agree with every field given. */
export interface FaultMatch {
  readonly method?: string;
  readonly kind?: RequestKind;
  readonly repository?: string;
  /** Tag or digest as in the path, or id of an upload session. */
  readonly reference?: string;
  /** Digest in the path, or in the query of an upload. */
  readonly digest?: string;
  /** Any other condition. For instance `({ authorization }) => authorization !== undefined`. */
  readonly when?: (request: RequestRecord) => boolean;
  /** How many requests to hit; default 1, `Infinity` for all. */
  readonly times?: number;
  /** How many matching requests to let pass first; default 0. */
  readonly after?: number;
}

/**
 * What happens to a request. The fields combine, in the order in which they stand here. A request that is hit by a
 * fault is hit before it is authenticated.
 */
export interface FaultAction {
  /** Delays everything, also the reading of the request body, until the promise settles either way. */
  readonly hold?: Promise<unknown>;
  /** Answers with this status; the request has no effect. */
  readonly status?: number;
  /** Headers of that answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body of that answer; an object is sent as JSON. */
  readonly body?: string | Uint8Array | object;
  /** Answers with a redirect to this URL (status 307 unless `status` is set); the request has no effect. */
  readonly redirect?: string | ((request: RequestRecord) => string);
  /** Resets the connection (RST) once so many bytes of the request body were taken. */
  readonly resetRequest?: { readonly afterBytes: number };
  /** Answers as if there were no `Range` header: 200 and the whole blob. */
  readonly ignoreRange?: boolean;
  /** Answers a `Range` header with a range that starts one byte too early (too late for the first byte), and says so. */
  readonly wrongRange?: boolean;
  /** Headers to leave out; names in any case. */
  readonly omitHeaders?: readonly string[];
  /** Headers to add or replace. */
  readonly setHeaders?: Readonly<Record<string, string>>;
  /** Flips the lowest bit of the byte at this offset of the body. */
  readonly corrupt?: { readonly offset: number };
  /** Makes the body so many bytes longer than it should be; `content-length` agrees with the longer body. */
  readonly extraBytes?: number;
  /** Sends the body without `content-length`, by chunked transfer coding. */
  readonly chunked?: boolean;
  /** Slows the body down to this rate. */
  readonly bytesPerSecond?: number;
  /** Stops after so many bytes of the body. Absent: 0. With `reset`, absent: not even headers are sent. */
  readonly afterBytes?: number;
  /** Stops the body after `afterBytes` until `Fault.release`, or until the connection closes. */
  readonly stall?: boolean;
  /**
   * Resets the connection (RST) after `afterBytes` of the body. The request has had its effect by then. A client that
   * takes more than 50 ms to read those bytes may see less of them: a reset drops what the kernel still holds.
   */
  readonly reset?: boolean;
  /** Ends the connection in good order (FIN) after so many bytes of the body; `content-length` announces all. */
  readonly truncate?: number;
}

/** A fault that was set up. */
export interface Fault {
  /** Requests that it hit so far. */
  readonly hits: number;
  /** No further request is hit; those that were stay as they are. */
  remove(): void;
  /** Lets every body that this fault stalls, now or later, go on. */
  release(): void;
}

/** A fault as the registry works with it. */
export interface ActiveFault extends Fault {
  readonly action: FaultAction;
  /** Settles by `release`. */
  readonly released: Promise<void>;
}

/** The faults in force, in the order in which they were set up. */
export class FaultScript {
  readonly #entries = new Set<ScriptedFault>();

  /** Sets up a fault. */
  add(match: FaultMatch, action: FaultAction): Fault {
    const fault = new ScriptedFault(match, action, () => this.#entries.delete(fault));
    this.#entries.add(fault);
    return fault;
  }

  /** The fault for this request: the first one that matches and has hits left. A request gets one fault at most. */
  take(request: RequestRecord): ActiveFault | undefined {
    for (const entry of this.#entries) {
      if (entry.takes(request)) return entry;
    }
    return undefined;
  }
}

class ScriptedFault implements ActiveFault {
  readonly action: FaultAction;
  readonly released: Promise<void>;
  readonly release: () => void;
  readonly remove: () => void;
  readonly #match: FaultMatch;
  #seen = 0;
  #hits = 0;

  constructor(match: FaultMatch, action: FaultAction, remove: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.action = action;
    this.released = promise;
    this.release = resolve;
    this.remove = remove;
    this.#match = match;
  }

  get hits(): number {
    return this.#hits;
  }

  takes(request: RequestRecord): boolean {
    const { times = 1, after = 0 } = this.#match;
    if (this.#hits >= times || !matches(this.#match, request)) return false;
    this.#seen += 1;
    if (this.#seen <= after) return false;
    this.#hits += 1;
    return true;
  }
}

function matches(match: FaultMatch, request: RequestRecord): boolean {
  const fields = ["method", "kind", "repository", "reference", "digest"] as const;
  const agrees = fields.every((field) => match[field] === undefined || match[field] === request[field]);
  return agrees && (match.when?.(request) ?? true);
}
