import type {
  Phase,
  PlannedItem,
  PlanProgress,
  StepProgress,
  SummaryProgress,
  UpdateProgress,
} from "./progress.ts";
import { Rate } from "./rate.ts";

/** A content of the plan, and how far it has come. */
interface Entry<I extends PlannedItem> {
  item: I;
  currentBytes: number;
  phase: Phase;
}

/** Phases in which all bytes are here. */
const COMPLETE: ReadonlySet<Phase> = new Set(["verifying", "downloaded", "extracting", "done"]);

/** Phases in which bytes move. */
const MOVING: ReadonlySet<Phase> = new Set(["downloading", "uploading"]);

/** Adds up how far the contents of a plan have come. */
export class Tally<I extends PlannedItem = PlannedItem> {
  #entries: ReadonlyMap<string, Entry<I>> = new Map();
  readonly #rate = new Rate();
  readonly #startedAtMs: number;
  /** Bytes that came, whatever of them was thrown away. */
  #arrivedBytes = 0;

  /** @param nowMs the moment from which the time is counted, by a clock that only moves on */
  constructor(nowMs: number) {
    this.#startedAtMs = nowMs;
  }

  /** The contents from now on; what was known of those that stay is kept. */
  plan(items: readonly I[]): void {
    const entryOf = (item: I): Entry<I> =>
      this.#entries.get(item.digest) ?? { item, currentBytes: item.bytesHere, phase: phaseOf(item) };
    this.#entries = new Map(items.map((item) => [item.digest, entryOf(item)]));
  }

  /** Something was told of a content. Returns whether the plan has to be told anew: less was here than it says. */
  note(step: StepProgress, nowMs: number): boolean {
    const entry = step.kind === "update" && this.#entries.get(step.digest ?? "");
    if (!entry) return false;
    const before = entry.currentBytes;
    entry.currentBytes = bytesOf(step, entry);
    // What came before anybody looked, by a transfer that another operation began, says nothing of the rate.
    const isJoined = !MOVING.has(entry.phase) && entry.item.isComing;
    entry.phase = step.phase;
    if (entry.currentBytes > before && !isJoined) this.#arrived(entry.currentBytes - before, nowMs);
    return entry.currentBytes < entry.item.bytesHere && this.#correct(entry, entry.currentBytes);
  }

  /** A content is here, of which so many bytes were here before. Returns whether the plan has to be told anew. */
  complete(digest: string, bytesHere: number, nowMs: number): boolean {
    const entry = this.#entries.get(digest);
    if (!entry) return false;
    const rest = entry.item.size - entry.currentBytes;
    const arrived = Math.min(rest, entry.item.size - bytesHere);
    if (arrived > 0) this.#arrived(arrived, nowMs);
    entry.currentBytes = entry.item.size;
    if (!COMPLETE.has(entry.phase)) entry.phase = "done";
    return bytesHere !== entry.item.bytesHere && this.#correct(entry, bytesHere);
  }

  /** A content of the plan. */
  get(digest: string): I | undefined {
    return this.#entries.get(digest)?.item;
  }

  /** The contents of the plan. */
  get items(): readonly I[] {
    return Array.from(this.#entries.values(), ({ item }) => item);
  }

  /** What is planned. */
  get planned(): PlanProgress {
    const contents = this.items;
    const sum = (bytes: (item: I) => number): number =>
      contents.reduce((total, item) => total + bytes(item), 0);
    return {
      kind: "plan",
      contents,
      totalBytes: sum(({ size }) => size),
      bytesHere: sum(({ bytesHere }) => bytesHere),
    };
  }

  /** How far it has come by now. */
  summary(nowMs: number): SummaryProgress {
    let [bytesDone, bytesTotal, bytesHere] = [0, 0, 0];
    const phases: Partial<Record<Phase, number>> = {};
    for (const { item, currentBytes, phase } of this.#entries.values()) {
      bytesDone += currentBytes;
      bytesTotal += item.size;
      bytesHere += item.bytesHere;
      phases[phase] = (phases[phase] ?? 0) + 1;
    }
    const bytesPerSecond = this.#rate.bytesPerSecond(nowMs);
    const etaMs =
      bytesPerSecond > 0 ? Math.round(((bytesTotal - bytesDone) * 1_000) / bytesPerSecond) : undefined;
    return {
      kind: "summary",
      bytesDone,
      bytesTotal,
      bytesMoved: bytesDone - bytesHere,
      bytesPerSecond: Math.round(bytesPerSecond),
      ...(etaMs === undefined ? {} : { etaMs }),
      elapsedMs: Math.round(nowMs - this.#startedAtMs),
      phases,
    };
  }

  #arrived(bytes: number, nowMs: number): void {
    this.#arrivedBytes += bytes;
    this.#rate.note(this.#arrivedBytes, nowMs);
  }

  #correct(entry: Entry<I>, bytesHere: number): boolean {
    entry.item = { ...entry.item, bytesHere };
    return true;
  }
}

function phaseOf({ size, bytesHere }: PlannedItem): Phase {
  return bytesHere === size ? "done" : "starting";
}

function bytesOf(
  { phase, currentBytes }: UpdateProgress,
  { item, currentBytes: before }: Entry<PlannedItem>,
): number {
  if (COMPLETE.has(phase)) return item.size;
  return MOVING.has(phase) ? Math.min(currentBytes, item.size) : before;
}
