import { isDrayageError } from "../errors/drayage-error.ts";
import { plainText } from "../errors/plain-text.ts";
import type { OperationTrace, RequestTrace, TransferTrace } from "../progress/tracing.ts";
import type { TimelineItem, TimelineOperation, TimelinePhase, TimelineSpan } from "./timeline.ts";
import type { Recorded } from "./trace-recorder.ts";

/** Longest text of a failure that is kept, in characters. */
const MAX_FAILURE_CHARS = 500;

/** Shortest wait for a socket that is told, in milliseconds: none is free of any. */
const MIN_LINE_MS = 0.1;

/** What is known of an item so far. */
interface Draft {
  readonly kind: TimelineItem["kind"];
  readonly name: string;
  mediaType?: string;
  size?: number;
  readonly spans: TimelineSpan[];
}

/** When the recording began and ended, by `performance.now()`. */
interface Recording {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** Makes items of traces. */
export class TimelineItems {
  readonly #recording: Recording;
  readonly #drafts = new Map<string, Draft>();
  /** The digest that a shared transfer is about, as soon as one of its parts tells. */
  readonly #contents = new Map<Recorded, string>();
  /** When the answers that are the content of a transfer had begun. */
  readonly #answers = new Map<Recorded, number>();

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** Items in the order in which they began. */
  of(records: readonly Recorded[]): readonly TimelineItem[] {
    for (const record of records) this.#look(record);
    for (const record of records) this.#take(record);
    const items = Array.from(this.#drafts.values(), (draft): TimelineItem => {
      return { ...draft, spans: draft.spans.toSorted((one, other) => one.startMs - other.startMs) };
    });
    return items
      .filter(({ spans }) => spans.length > 0)
      .toSorted((one, other) => startOf(one) - startOf(other));
  }

  /** The operations among the traces. */
  operations(records: readonly Recorded[]): readonly TimelineOperation[] {
    return records.flatMap((record) =>
      record.kind === "pull" || record.kind === "push" ? [this.#operation(record.kind, record.trace)] : [],
    );
  }

  #operation(verb: "pull" | "push", trace: OperationTrace): TimelineOperation {
    const { reference, operation } = trace;
    return {
      verb,
      reference,
      operation,
      ...this.#when(trace.startedAtMs, trace.endedAtMs),
      ...failureOf(trace),
    };
  }

  #look(record: Recorded): void {
    if (record.kind === "transfer" || record.kind === "unpack") {
      const { digest } = record.trace;
      const shared = ancestor(record, ({ kind }) => kind === "shared");
      if (shared && digest !== undefined) this.#contents.set(shared, digest);
    }
    if (record.kind !== "request" || !isContent(record.trace)) return;
    const transfer = ancestor(record, ({ kind }) => kind === "transfer");
    if (!transfer) return;
    const begunAtMs = record.trace.endedAtMs ?? Number.POSITIVE_INFINITY;
    this.#answers.set(transfer, Math.min(begunAtMs, this.#answers.get(transfer) ?? begunAtMs));
  }

  #take(record: Recorded): void {
    const { kind, trace } = record;
    if (kind === "join") this.#join(record);
    else if (kind === "transfer") this.#transfer(record, trace);
    else if (kind === "request") this.#request(this.#home(record), trace);
    else if (kind === "unpack") {
      const { digest, chainId, step } = trace;
      const draft = this.#draft("content", digest ?? chainId);
      const phase = step === "prepare" ? "unpack" : "register";
      this.#span(draft, phase, trace, failureOf(trace));
    }
  }

  #join(record: Recorded & { readonly kind: "join" }): void {
    const { trace, shared } = record;
    const { kind, key } = trace.shared;
    if (kind === "token" || kind === "credentials") {
      this.#span(this.#home(record), "token", trace, {});
      return;
    }
    if (kind !== "transfer") {
      if (kind === "name") this.#span(this.#home(record), "wait", trace, {});
      return;
    }
    const digest = this.#contents.get(shared);
    if (digest !== undefined) this.#span(this.#draft("content", digest), "wait", trace, {});
    else if (key !== undefined && isLong(trace)) this.#span(this.#draft("shared", key), "wait", trace, {});
  }

  #transfer(record: Recorded, trace: TransferTrace): void {
    const { digest, mediaType, size, endpoint, bytes, firstByteAtMs, receivedAtMs } = trace;
    const [hashMs, writeMs] = [trace.hashMs, trace.writeMs].map((ms) => ms && inMs(ms));
    const { startedAtMs, endedAtMs } = trace;
    const draft = this.#draft("content", digest);
    draft.mediaType ??= mediaType;
    draft.size ??= size;
    const failure = failureOf(trace);
    if (firstByteAtMs !== undefined) {
      const answered = Math.min(firstByteAtMs, this.#answers.get(record) ?? firstByteAtMs);
      const came = { startedAtMs: answered, endedAtMs: receivedAtMs ?? endedAtMs };
      this.#span(draft, "bytes", came, {
        endpoint,
        bytes,
        hashMs,
        writeMs,
        ...(receivedAtMs === undefined && failure),
      });
    } else if (failure.failure !== undefined) {
      this.#span(draft, "wait", { startedAtMs, endedAtMs }, { endpoint, ...failure });
    }
    if (receivedAtMs === undefined || firstByteAtMs === undefined) return;
    this.#span(draft, "verify", { startedAtMs: receivedAtMs, endedAtMs }, { endpoint, ...failure });
  }

  /** The steps that the request waited for, one after the other. */
  #request(draft: Draft, trace: RequestTrace): void {
    const { startedAtMs, endedAtMs, connectedAtMs, connection, method, url, result } = trace;
    const about = { endpoint: URL.parse(url)?.origin, request: `${method} ${url}` };
    let at = startedAtMs;
    const step = (phase: TimelinePhase, untilMs: number | undefined): void => {
      if (untilMs === undefined || untilMs <= at) return;
      this.#span(draft, phase, { startedAtMs: at, endedAtMs: untilMs }, about);
      at = untilMs;
    };
    if (connection) {
      if (connection.startedAtMs - at >= MIN_LINE_MS) step("line", connection.startedAtMs);
      step("dns", connection.lookedUpAtMs);
      step("connect", connection.tcpAtMs);
      step("connect", connection.tunneledAtMs);
      step("tls", connection.securedAtMs);
    } else if (connectedAtMs !== undefined && connectedAtMs - at >= MIN_LINE_MS) step("line", connectedAtMs);
    const phase = connectedAtMs === undefined ? "connect" : "request";
    const ended = { startedAtMs: connectedAtMs ?? at, endedAtMs };
    this.#span(draft, phase, ended, { ...about, status: result?.status, ...failureOf(trace) });
  }

  /** The item that a request, or a wait for a token, is a part of. */
  #home(record: Recorded): Draft {
    const home = ancestor(record, ({ kind, trace }) => {
      return (
        kind === "transfer" ||
        kind === "unpack" ||
        kind === "pull" ||
        kind === "push" ||
        (kind === "shared" && trace.kind === "token")
      );
    });
    if (home?.kind === "transfer") return this.#draft("content", home.trace.digest);
    if (home?.kind === "unpack") return this.#draft("content", home.trace.digest ?? home.trace.chainId);
    if (home?.kind === "shared") return this.#draft("token", hostOf(record));
    if (home?.kind === "pull" || home?.kind === "push") return this.#draft("name", home.trace.reference);
    return this.#draft("name", "");
  }

  #draft(kind: Draft["kind"], name: string): Draft {
    const key = `${kind} ${name}`;
    const known = this.#drafts.get(key);
    if (known) return known;
    const draft: Draft = { kind, name, spans: [] };
    this.#drafts.set(key, draft);
    return draft;
  }

  #span(
    draft: Draft,
    phase: TimelinePhase,
    { startedAtMs, endedAtMs }: { readonly startedAtMs: number; readonly endedAtMs?: number | undefined },
    about: Partial<TimelineSpan>,
  ): void {
    const when = this.#when(startedAtMs, endedAtMs);
    if (when.endMs < 0) return; // it was over before anybody recorded
    draft.spans.push({ phase, ...when, ...about });
  }

  #when(startedAtMs: number, endedAtMs: number | undefined): { startMs: number; endMs: number } {
    const { startedAtMs: zero, endedAtMs: end } = this.#recording;
    const until = Math.min(endedAtMs ?? end, end);
    return { startMs: inMs(Math.max(startedAtMs - zero, 0)), endMs: inMs(Math.max(until - zero, 0)) };
  }
}

function startOf({ spans }: TimelineItem): number {
  return spans[0]?.startMs ?? 0;
}

function ancestor(record: Recorded, matches: (record: Recorded) => boolean): Recorded | undefined {
  for (let at = record.parent; at; at = at.parent) if (matches(at)) return at;
  return undefined;
}

/** Whether the answer is what was asked for. */
function isContent({ result, method }: RequestTrace): boolean {
  return method === "GET" && (result?.status === 200 || result?.status === 206);
}

/** Whether somebody has waited for it. */
function isLong({
  startedAtMs,
  endedAtMs = Number.POSITIVE_INFINITY,
}: {
  startedAtMs: number;
  endedAtMs?: number;
}): boolean {
  return endedAtMs - startedAtMs >= 1;
}

function hostOf({ kind, trace }: Recorded): string {
  return kind === "request" ? (URL.parse(trace.url)?.host ?? "") : "";
}

function failureOf({ error }: { readonly error?: unknown }): { readonly failure?: string } {
  if (error === undefined) return {};
  if (isDrayageError(error)) return { failure: error.message.slice(0, MAX_FAILURE_CHARS) }; // is fit to be shown
  return { failure: plainText(error instanceof Error ? error.message : "unknown", MAX_FAILURE_CHARS) };
}

/** To the hundredth. */
function inMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}
