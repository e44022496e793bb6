import type { MovingContext } from "./transfer-context.ts";

/** A blob to be uploaded, as the upload manager needs to know it: no registry, no disk, no format. */
export interface UploadDescriptor {
  /** Equal keys are the same bytes on their way to the same repository: one transfer serves them all. */
  readonly key: string;
  /** Who gets it, and from whom: see `TransferOptions`. Default: a source that is this caller's alone. */
  readonly source?: string | undefined;
  /** Under which id progress is shown: 12 hexadecimal digits. */
  readonly id: string;
  /** Digest of the blob, for those who are told of its progress. */
  readonly digest?: string | undefined;
  /**
   * One attempt to bring the blob to the repository, by whatever is cheapest. An upload that broke goes on with the next
   * attempt where the registry has it. The error says whether another attempt makes sense (`isRetryable`) and whether the
   * target is to blame (`endpoint`). Resolves with the status to end on: "Pushed", "Layer already exists", "Mounted from x/y".
   */
  upload(context: MovingContext): Promise<string>;
  /**
   * Called once when the upload has failed for good or nobody wants it any more: gives up what its attempts left at the target.
   * Nobody waits for it; it must not reject.
   */
  abandon?(): Promise<void>;
}
