import type { AbortOptions } from "../../async/abort.ts";
import type { Digest } from "../../digest/digest.ts";
import type { LayerDifferences } from "../../layer/store/compare-layer.ts";
import type { StepSink } from "../../progress/progress.ts";

/** What a check may be told. */
export interface CheckOptions extends AbortOptions {
  /**
   * Fetch again what is damaged or missing, from where it came.
   * @defaultValue `false`
   * @avoid to find out how much is damaged, before anything is fetched
   * @example repair: true
   */
  readonly repair?: boolean | undefined;
  /**
   * Told how many bytes are hashed, and what is fetched.
   * @defaultValue nobody is told
   * @example onProgress: ({ kind, id }) => console.log(kind, id)
   */
  readonly onProgress?: StepSink | undefined;
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

/** An unpacked layer that is not what its blob makes. */
export interface DamagedLayer {
  readonly chainId: Digest;
  /** `missing`: an image was unpacked, and this layer of it is not there. */
  readonly problem: "damaged" | "missing";
  /** What is wrong with it: how many things, and the first few in words. */
  readonly differences: LayerDifferences;
  /** Names of the images that it was unpacked for, sorted. */
  readonly images: readonly string[];
  /** Whether somebody keeps it, or one that lies on it. */
  readonly needed: boolean;
  /** Whether it is what its blob makes again. */
  readonly repaired: boolean;
  /** Why it could not be made again. */
  readonly error?: unknown;
}

/** A layer that shows no damage, and could not be compared with its blob. */
export interface UnverifiedLayer {
  readonly chainId: Digest;
  readonly images: readonly string[];
  /** Why: its blob is not here, there is no GNU tar, it was made with other rights. */
  readonly error: unknown;
}

/** What a check found of unpacked layers. */
export interface CheckedLayers {
  /** Layers that were compared, and the bytes of their files. */
  readonly checked: { readonly count: number; readonly bytes: number };
  /** Those that are not what they should be, lowest first. */
  readonly damage: readonly DamagedLayer[];
  readonly unverified: readonly UnverifiedLayer[];
}

/** What a check found and did. */
export interface CheckResult {
  /** Blobs that were hashed, and their bytes. */
  readonly checked: { readonly count: number; readonly bytes: number };
  /** Everything that was damaged or missing, by digest. */
  readonly damage: readonly DamagedContent[];
  /** What was found of unpacked layers. */
  readonly layers: CheckedLayers;
  /** Whether everything that an image or a namespace needs is there and right now, as far as it could be looked at. */
  readonly whole: boolean;
}
