import type { IncomingMessage } from "node:http";
import { ErrCanceled } from "../../errors/classes.ts";
import type { RequestRecord } from "./request-record.ts";
import type { Route } from "./route.ts";

/** How `RequestLog.waitFor` waits. */
export interface WaitForOptions {
  /**
   * Ends the wait with `ErrCanceled`.
   * @defaultValue nothing ends it
   * @example signal: AbortSignal.timeout(10_000)
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Wait until the request is over, finished or aborted; otherwise until it has started.
   * @defaultValue `false`
   * @example finished: true
   */
  readonly finished?: boolean | undefined;
}

/** A record that its own request still writes to. */
export type LiveRecord = { -readonly [Key in keyof RequestRecord]: RequestRecord[Key] };

/** Headers that may hold secrets. */
const SECRET_HEADERS = new Set(["authorization", "proxy-authorization", "cookie"]);

/** All requests in the order of their arrival. */
export class RequestLog {
  readonly #records: LiveRecord[] = [];
  readonly #waiters = new Set<(record: RequestRecord) => void>();

  /** The records; the array grows in place. */
  get records(): readonly RequestRecord[] {
    return this.#records;
  }

  /** Records a new request. */
  start(request: IncomingMessage, route: Route, connection: number): LiveRecord {
    const { method = "GET", headers } = request;
    const record: LiveRecord = {
      kind: route.kind,
      method,
      path: route.path,
      query: route.query,
      repository: route.repository,
      reference: route.reference,
      digest: route.digest,
      range: headers.range,
      authorization: headers.authorization?.split(" ", 1)[0],
      headers: plainHeaders(request),
      connection,
      state: "started",
      status: undefined,
      bytesSent: 0,
      bytesReceived: 0,
      error: undefined,
    };
    this.#records.push(record);
    this.#tell(record);
    return record;
  }

  /** Notes that a request is over. */
  end(record: LiveRecord, state: "finished" | "aborted"): void {
    record.state = state;
    this.#tell(record);
  }

  /** The first request, of the past or the future, that `match` accepts. Rejects with what `match` throws. */
  waitFor(match: (record: RequestRecord) => boolean, options: WaitForOptions = {}): Promise<RequestRecord> {
    const { signal, finished = false } = options;
    const accepts = (record: RequestRecord): boolean =>
      (!finished || record.state !== "started") && match(record);
    const { promise, resolve, reject } = Promise.withResolvers<RequestRecord>();
    const look = (record: RequestRecord): void => {
      try {
        if (accepts(record)) resolve(record);
      } catch (error) {
        reject(error);
      }
    };
    const abort = (): void => reject(new ErrCanceled("context canceled", { cause: signal?.reason }));
    this.#records.forEach(look);
    this.#waiters.add(look);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    return promise.finally(() => {
      this.#waiters.delete(look);
      signal?.removeEventListener("abort", abort);
    });
  }

  #tell(record: RequestRecord): void {
    for (const look of this.#waiters) look(record);
  }
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers)
      .filter(([name]) => !SECRET_HEADERS.has(name))
      .map(([name, value]) => [name, String(value)]),
  );
}
