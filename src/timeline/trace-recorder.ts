import { AsyncLocalStorage } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { JOIN, type JoinTrace, SHARED, type SharedTrace } from "../async/shared-traces.ts";
import {
  type OperationTrace,
  type RequestTrace,
  TRACES,
  type TransferTrace,
  type UnpackTrace,
} from "../progress/tracing.ts";

/** Records that are kept: eight for each content of the largest image that is followed (`MAX_GRAPH_DESCRIPTORS`), some 60 MB. */
export const MAX_RECORDS = 131_072;

/** Records that are kept of shared work as long as nobody who is recorded has joined it. */
const MAX_UNJOINED = 4_096;

/** What is known of a trace by where it stands. */
interface Place {
  /** What it is a part of; of shared work who joined it first. */
  parent: Recorded | undefined;
  /** Whether what is recorded waits for it. */
  isOwn: boolean;
  /** Its parts, as long as it is not. */
  readonly held: Recorded[];
}

/** A trace, and what it is a part of. */
export type Recorded = Place &
  (
    | { readonly kind: "root"; readonly trace: undefined }
    | { readonly kind: "pull" | "push"; readonly trace: OperationTrace }
    | { readonly kind: "shared"; readonly trace: SharedTrace }
    | { readonly kind: "join"; readonly trace: JoinTrace; readonly shared: Recorded }
    | { readonly kind: "transfer"; readonly trace: TransferTrace }
    | { readonly kind: "request"; readonly trace: RequestTrace }
    | { readonly kind: "unpack"; readonly trace: UnpackTrace }
  );

/** What a trace is about, wherever it stands. */
type About<R> = R extends { readonly kind: "root" | "shared" } ? never : Omit<R, keyof Place>;

/**
 * Keeps the traces of what is run by it: those that come in its own context, and those of shared work that it waits for, whoever
 * began that. What else the process does leaves no record.
 */
export class TraceRecorder implements Disposable {
  readonly #context = new AsyncLocalStorage<Recorded | undefined>();
  readonly #shared = new WeakMap<SharedTrace, Recorded>();
  readonly #records: Recorded[] = [];
  readonly #unbind: Array<() => void> = [];
  #omitted = 0;

  /** It listens until it is disposed of. */
  constructor() {
    this.#bind(TRACES.pull.start, (trace) => this.#add({ kind: "pull", trace: trace as OperationTrace }));
    this.#bind(TRACES.push.start, (trace) => this.#add({ kind: "push", trace: trace as OperationTrace }));
    this.#bind(TRACES.transfer.start, (trace) =>
      this.#add({ kind: "transfer", trace: trace as TransferTrace }),
    );
    this.#bind(TRACES.request.start, (trace) => this.#add({ kind: "request", trace: trace as RequestTrace }));
    this.#bind(TRACES.unpack.start, (trace) => this.#add({ kind: "unpack", trace: trace as UnpackTrace }));
    this.#bind(SHARED, (trace) => this.#sharedOf(trace as SharedTrace));
    this.#bind(JOIN.start, (trace) => this.#join(trace as JoinTrace));
  }

  /** In the order in which they began, or were joined. */
  get records(): readonly Recorded[] {
    return this.#records;
  }

  /** How many there was no room for. */
  get omitted(): number {
    return this.#omitted;
  }

  /** Runs what is to be recorded. */
  run<R>(work: () => R): R {
    return this.#context.run(
      { kind: "root", trace: undefined, parent: undefined, isOwn: true, held: [] },
      work,
    );
  }

  [Symbol.dispose](): void {
    for (const unbind of this.#unbind.splice(0)) unbind();
  }

  #bind(
    { name }: { readonly name: string | symbol },
    recordOf: (trace: unknown) => Recorded | undefined,
  ): void {
    const bound = channel(name);
    bound.bindStore(this.#context, recordOf);
    this.#unbind.push(() => void bound.unbindStore(this.#context));
  }

  /** A part of what runs here; of what nobody records there is no record. */
  #add(about: About<Recorded>): Recorded | undefined {
    const parent = this.#context.getStore();
    if (!parent) return undefined;
    const record: Recorded = { ...about, parent, isOwn: parent.isOwn, held: [] };
    if (record.isOwn) this.#keep(record);
    else if (parent.held.length < MAX_UNJOINED) parent.held.push(record);
    return record;
  }

  #join(trace: JoinTrace): Recorded | undefined {
    const shared = this.#sharedOf(trace.shared);
    const record = this.#add({ kind: "join", trace, shared });
    if (record?.isOwn) this.#own(shared, record);
    return record;
  }

  #sharedOf(trace: SharedTrace): Recorded {
    const known = this.#shared.get(trace);
    if (known) return known;
    const record: Recorded = { kind: "shared", trace, parent: undefined, isOwn: false, held: [] };
    this.#shared.set(trace, record);
    return record;
  }

  /** From now on it is waited for, with all that it waits for itself. */
  #own(record: Recorded, parent: Recorded | undefined): void {
    if (record.isOwn) return;
    record.isOwn = true;
    record.parent ??= parent;
    if (record.kind !== "shared") this.#keep(record);
    if (record.kind === "join") this.#own(record.shared, record);
    for (const part of record.held.splice(0)) this.#own(part, record);
  }

  #keep(record: Recorded): void {
    if (this.#records.length < MAX_RECORDS) this.#records.push(record);
    else this.#omitted++;
  }
}
