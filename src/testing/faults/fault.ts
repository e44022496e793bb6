import type { RequestKind, RequestRecord } from "../http/request-record.ts";

/** Which requests a fault is for: those that agree with every field given. */
export interface FaultMatch {
  /**
   * The request's method.
   * @defaultValue any
   * @example method: "HEAD"
   */
  readonly method?: string;
  /**
   * What it asks for.
   * @defaultValue anything
   * @example kind: "blob"
   */
  readonly kind?: RequestKind;
  /**
   * The repository in its path.
   * @defaultValue any
   * @example repository: "library/app"
   */
  readonly repository?: string;
  /**
   * Tag or digest as in the path, or id of an upload session.
   * @defaultValue any
   * @example reference: "v1"
   */
  readonly reference?: string;
  /**
   * Digest in the path, or in the query of an upload.
   * @defaultValue any
   * @example digest: digestOf("hello")
   */
  readonly digest?: string;
  /**
   * Any other condition. For instance `({ authorization }) => authorization !== undefined`.
   * @defaultValue none
   * @example when: ({ authorization }) => authorization !== undefined
   */
  readonly when?: (request: RequestRecord) => boolean;
  /**
   * How many requests to hit; `Infinity` for all.
   * @unit requests
   * @defaultValue 1
   * @example times: Infinity
   */
  readonly times?: number;
  /**
   * How many matching requests to let pass first.
   * @unit requests
   * @defaultValue 0
   * @example after: 2
   */
  readonly after?: number;
}

/**
 * What happens to a request. The fields combine, in the order in which they stand here. A request that is hit by a
 * fault is hit before it is authenticated.
 */
export interface FaultAction {
  /**
   * Delays everything, also the reading of the request body, until the promise settles either way.
   * @defaultValue nothing is delayed
   * @example hold: Promise.resolve()
   */
  readonly hold?: Promise<unknown>;
  /**
   * Answers with this status; the request has no effect.
   * @unit HTTP status
   * @defaultValue the request is answered
   * @example status: 503
   */
  readonly status?: number;
  /**
   * Headers of that answer.
   * @defaultValue none
   * @example status: 429, headers: { "retry-after": "1" }
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Body of that answer; an object is sent as JSON.
   * @defaultValue none
   * @example status: 404, body: { errors: [{ code: "MANIFEST_UNKNOWN", message: "gone" }] }
   */
  readonly body?: string | Uint8Array | object;
  /**
   * Answers with a redirect to this URL (status 307 unless `status` is set); the request has no effect.
   * @defaultValue none
   * @example redirect: "https://storage.example/blob"
   */
  readonly redirect?: string | ((request: RequestRecord) => string);
  /**
   * Resets the connection (RST) once so many bytes of the request body were taken.
   * @defaultValue all of it is taken
   * @example resetRequest: { afterBytes: 1_000 }
   */
  readonly resetRequest?: {
    /**
     * How many bytes are taken before.
     * @example afterBytes: 1_000
     */
    readonly afterBytes: number;
  };
  /**
   * Answers as if there were no `Range` header: 200 and the whole blob.
   * @defaultValue `false`
   * @example ignoreRange: true
   */
  readonly ignoreRange?: boolean;
  /**
   * Answers a `Range` header with a range that starts one byte too early (too late for the first byte), and says so.
   * @defaultValue `false`
   * @example wrongRange: true
   */
  readonly wrongRange?: boolean;
  /**
   * Headers to leave out; names in any case.
   * @defaultValue none
   * @example omitHeaders: ["docker-content-digest"]
   */
  readonly omitHeaders?: readonly string[];
  /**
   * Headers to add or replace.
   * @defaultValue none
   * @example setHeaders: { "content-type": "text/plain" }
   */
  readonly setHeaders?: Readonly<Record<string, string>>;
  /**
   * Flips the lowest bit of the byte at this offset of the body.
   * @defaultValue the bytes are right
   * @example corrupt: { offset: 10 }
   */
  readonly corrupt?: {
    /**
     * Where it is in the body, from 0.
     * @unit bytes
     * @example offset: 10
     */
    readonly offset: number;
  };
  /**
   * Makes the body so many bytes longer than it should be; `content-length` agrees with the longer body.
   * @defaultValue 0
   * @example extraBytes: 1
   */
  readonly extraBytes?: number;
  /**
   * Sends the body without `content-length`, by chunked transfer coding.
   * @defaultValue `false`
   * @example chunked: true
   */
  readonly chunked?: boolean;
  /**
   * Slows the body down to this rate.
   * @defaultValue as fast as they are taken
   * @avoid in tests that must not wait: `stall` stands still by command
   * @example bytesPerSecond: 1_000_000
   */
  readonly bytesPerSecond?: number;
  /**
   * Stops after so many bytes of the body. With `reset` and without this, not even headers are sent.
   * @defaultValue 0
   * @example stall: true, afterBytes: 1_000
   */
  readonly afterBytes?: number;
  /**
   * Stops the body after `afterBytes` until `Fault.release`, or until the connection closes.
   * @defaultValue `false`
   * @example stall: true
   */
  readonly stall?: boolean;
  /**
   * Resets the connection (RST) after `afterBytes` of the body. The request has had its effect by then. A client that takes more
   * than 50 ms to read those bytes may see less of them: a reset drops what the kernel still holds.
   * @defaultValue `false`
   * @example reset: true, afterBytes: 500_000
   */
  readonly reset?: boolean;
  /**
   * Ends the connection in good order (FIN) after so many bytes of the body; `content-length` announces all.
   * @unit bytes
   * @defaultValue all of it is sent
   * @example truncate: 1_000
   */
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
