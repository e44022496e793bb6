/** How much one layer may ask for. Beyond that it is refused with `ErrResourceExhausted`. */
export interface UnpackLimits {
  /**
   * Most entries of its archive.
   * @unit entries
   * @defaultValue 2,097,152
   * @example maxEntries: 500_000
   */
  readonly maxEntries: number;
  /**
   * Most bytes that it may be without its compression.
   * @defaultValue 274,877,906,944
   * @example maxBytes: 64 * 1024 ** 3
   */
  readonly maxBytes: number;
  /**
   * Most bytes that one compressed byte may become, in a layer that is larger than `FREE_EXPANSION_BYTES`.
   * @unit bytes out of one
   * @defaultValue 1,100
   * @avoid below 1,032: files of nothing but zeros become that much
   * @example maxExpansion: 2_000
   */
  readonly maxExpansion: number;
}

/** Most entries of a layer. The largest images that people have are below half a million; each costs memory while it is unpacked. */
const MAX_ENTRIES = 2_097_152;

/** Most bytes of an uncompressed layer: more than any registry is known to store, and less than would fill any disk unseen. */
const MAX_LAYER_BYTES = 256 * 1024 * 1024 * 1024;

/** Most bytes out of one byte. Deflate cannot do more than 1,032, so that only zstd, which makes 32,000 of a file of zeros, meets it. */
const MAX_EXPANSION = 1_100;

/** The limits unless told otherwise. */
export const DEFAULT_LIMITS: UnpackLimits = {
  maxEntries: MAX_ENTRIES,
  maxBytes: MAX_LAYER_BYTES,
  maxExpansion: MAX_EXPANSION,
};
