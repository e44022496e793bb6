/** A line of text, about one object (`id`) or, with an empty id, about the whole operation. */
export interface MessageProgress {
  readonly kind: "message";
  /** Short id of the object (12 hex digits of a digest, or a tag); empty for the whole operation. */
  readonly id: string;
  readonly message: string;
}

/** How far an object has come. */
export interface UpdateProgress {
  readonly kind: "update";
  readonly id: string;
  /** What is being done, in docker's words: "Downloading", "Extracting", "Retrying in 3 seconds", ... */
  readonly action: string;
  /** Bytes done so far, of the whole object: a resumed download starts where it stood. */
  readonly currentBytes: number;
  /** Size of the object in bytes; 0 when it is not known. */
  readonly totalBytes: number;
  /** Files, directories and links of a layer that were made so far, while it is extracted. */
  readonly entries?: number | undefined;
}

/** What an operation tells while it runs. `MessageProgress` is never dropped; of updates the newest one counts. */
export type Progress = MessageProgress | UpdateProgress;

/** Where progress goes. It must not throw; what it returns is ignored. */
export type ProgressSink = (progress: Progress) => void;

/** The message form. */
export function message(id: string, text: string): MessageProgress {
  return { kind: "message", id, message: text };
}

/** The update form. */
export function update(id: string, action: string, currentBytes: number, totalBytes: number): UpdateProgress {
  return { kind: "update", id, action, currentBytes, totalBytes };
}
