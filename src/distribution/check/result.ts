import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { ProgressSink } from "../../progress/progress.ts";

/** What a check may be told. */
export interface CheckOptions extends AbortOptions {
  /** Fetch again what is damaged or missing, from where it came. Default false. */
  readonly repair?: boolean | undefined;
  /** Told how many bytes are hashed, and what is fetched. */
  readonly onProgress?: ProgressSink | undefined;
}

/** Content that is not what it should be. */
export interface DamagedContent {
  readonly digest: Digest;
  /** `damaged`: there were bytes, and they are others than the digest says. `missing`: there are none. */
  readonly problem: "damaged" | "missing";
  /** Names of the images that need it, sorted. None: it is needed by a namespace, or by nobody. */
  readonly images: readonly string[];
  /** Whether an image or a namespace needs it. */
  readonly needed: boolean;
  /** Whether the bytes were taken out of the way, so that nobody takes them for the content. */
  readonly contained: boolean;
  /** Whether the right bytes are there again. */
  readonly repaired: boolean;
  /** Why it could not be contained or fetched again. */
  readonly error?: unknown;
}

/** What a check found and did. */
export interface CheckResult {
  /** Blobs that were hashed, and their bytes. */
  readonly checked: { readonly count: number; readonly bytes: number };
  /** Everything that was damaged or missing, by digest. */
  readonly damage: readonly DamagedContent[];
  /** Whether everything that an image or a namespace needs is there and right, now. */
  readonly whole: boolean;
}
