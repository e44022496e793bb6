import type { WaitCode, WaitReason } from "../async/wait-reason.ts";

/** A line of text, about one object (`id`) or, with an empty id, about the whole operation. */
export interface MessageProgress {
  readonly kind: "message";
  /** Short id of the object (12 hex digits of a digest, or a tag); empty for the whole operation. */
  readonly id: string;
  readonly message: string;
}

/**
 * What is done to an object: `starting` nothing yet, `waiting` see `reason`, `downloading`, `uploading`, `reading` bytes move,
 * `verifying` they are compared with their digest, `downloaded` they are here, `extracting` they become a directory, `done` nothing more
 * will happen to it, `working` anything else.
 */
export type Phase =
  | "starting"
  | "waiting"
  | "downloading"
  | "uploading"
  | "reading"
  | "verifying"
  | "downloaded"
  | "extracting"
  | "done"
  | "working";

/** How far an object has come. */
export interface UpdateProgress {
  readonly kind: "update";
  readonly id: string;
  /** Digest of the object, where it is a content. */
  readonly digest?: string | undefined;
  /** What is being done, for programs. */
  readonly phase: Phase;
  /** What is being done, in docker's words: "Downloading", "Extracting", "Retrying in 3 seconds", ... */
  readonly action: string;
  /** Bytes done so far, of the whole object: a resumed download starts where it stood. */
  readonly currentBytes: number;
  /** Size of the object in bytes; 0 when it is not known. */
  readonly totalBytes: number;
  /** Files, directories and links of a layer that were made so far, while it is extracted. */
  readonly entries?: number | undefined;
  /** The number of the attempt that moves the bytes, or that follows a wait; absent for the first. */
  readonly attempt?: number | undefined;
  /** What it waits for; only in the phase `waiting`. */
  readonly reason?: WaitCode | undefined;
  /** How long it waits from now on, in milliseconds, where that is known. */
  readonly waitMs?: number | undefined;
  /** `code` of the error after which it waits. */
  readonly errorCode?: string | undefined;
}

/** What the work on one object tells. */
export type StepProgress = MessageProgress | UpdateProgress;

/** One content that an operation is about. */
export interface PlannedItem {
  readonly digest: string;
  /** Size in bytes, as the document above it says. */
  readonly size: number;
  readonly mediaType: string;
  readonly kind: "index" | "manifest" | "config" | "layer";
  /**
   * Bytes of it that need not move. Of a pull those that are here: all, or those of a download that was broken off, or is under way. Of a
   * push or a copy all, where the content is there already or was mounted; that is known when its turn has come.
   */
  readonly bytesHere: number;
  /** Whether this engine is bringing it there already, for somebody else, so that the transfer is shared. */
  readonly isComing: boolean;
}

/**
 * What a pull, a push or a copy is going to bring, told before the first byte of a layer. It may come again, and then stands in the place
 * of the one before: when another name of several is known, when another endpoint says something else of a name or is to get it, and when
 * `bytesHere` turns out to be another number, because bytes that were here are of no use, others brought some meanwhile, or a registry has
 * a content that is pushed.
 */
export interface PlanProgress {
  readonly kind: "plan";
  /** Each content once: documents from the top down, then configs and layers. */
  readonly contents: readonly PlannedItem[];
  /** Bytes of all. */
  readonly totalBytes: number;
  /** Bytes of these that need not move. */
  readonly bytesHere: number;
}

/** How far the whole of a plan has come: at once after a plan, then twice a second while something changes, and at the end. */
export interface SummaryProgress {
  readonly kind: "summary";
  /** Bytes of the plan that are where they belong, those that were there before included. */
  readonly bytesDone: number;
  /** Bytes of the plan. */
  readonly bytesTotal: number;
  /** Bytes that have moved since the operation began. */
  readonly bytesMoved: number;
  /** How fast bytes moved in the last seconds. */
  readonly bytesPerSecond: number;
  /** How long the rest of the bytes takes at that rate, in milliseconds; absent while nothing moves. */
  readonly etaMs?: number | undefined;
  /** Milliseconds since the first plan. */
  readonly elapsedMs: number;
  /** How many contents of the plan are in each phase. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
}

/**
 * What an operation tells while it runs. `MessageProgress` is never dropped; of updates of one object, of plans and of summaries the
 * newest one counts.
 */
export type Progress = StepProgress | PlanProgress | SummaryProgress;

/** Where progress goes. It must not throw; what it returns is ignored. */
export type ProgressSink = (progress: Progress) => void;

/** Where the progress of one object goes. It must not throw; what it returns is ignored. */
export type StepSink = (progress: StepProgress) => void;

/** An object that progress is about: its short id, or a content. */
export type Subject = string | { readonly id: string; readonly digest?: string | undefined };

/** What docker's words mean. */
const PHASES: ReadonlyMap<string, Phase> = new Map([
  ["Pulling fs layer", "starting"],
  ["Preparing", "starting"],
  ["Downloading", "downloading"],
  ["Pushing", "uploading"],
  ["Loading layer", "reading"],
  ["Reading", "reading"],
  ["Verifying Checksum", "verifying"],
  ["Verifying", "verifying"],
  ["Download complete", "downloaded"],
  ["Extracting", "extracting"],
  ["Pull complete", "done"],
  ["Already exists", "done"],
  ["Load complete", "done"],
  ["Pushed", "done"],
  ["Layer already exists", "done"],
  ["Repaired", "done"],
]);

/** docker's words for a blob that another repository had; that follows. */
const MOUNTED = "Mounted from ";

/** The message form. */
export function message(id: string, text: string): MessageProgress {
  return { kind: "message", id, message: text };
}

/** The update form. */
export function update(
  subject: Subject,
  action: string,
  currentBytes: number,
  totalBytes: number,
): UpdateProgress {
  const phase = PHASES.get(action) ?? (action.startsWith(MOUNTED) ? "done" : "working");
  return { kind: "update", ...named(subject), phase, action, currentBytes, totalBytes };
}

/** The update form of a wait. */
export function waitingFor(
  subject: Subject,
  { code: reason, words: action, ...details }: WaitReason,
): UpdateProgress {
  return {
    kind: "update",
    ...named(subject),
    phase: "waiting",
    action,
    currentBytes: 0,
    totalBytes: 0,
    reason,
    ...details,
  };
}

function named(subject: Subject): { id: string; digest?: string } {
  if (typeof subject === "string") return { id: subject };
  const { id, digest } = subject;
  return digest === undefined ? { id } : { id, digest };
}
