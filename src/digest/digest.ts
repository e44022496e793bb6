import { createHash, type Hash, hash } from "node:crypto";
import { ErrInvalidArgument } from "../errors/classes.ts";

/** A verified content address, `<algorithm>:<lower-case hex>` (OCI image-spec, descriptor.md "Digests"). */
export type Digest = string & { readonly __brand: "Digest" };

/** The registered algorithms that drayage verifies. */
export type Algorithm = "sha256" | "sha384" | "sha512";

/** Length of the hexadecimal part per algorithm. */
const HEX_LENGTH: Readonly<Record<Algorithm, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Algorithms in order of preference; the first one is used where none is asked for. */
export const ALGORITHMS: readonly Algorithm[] = ["sha256", "sha384", "sha512"];

/** The algorithm of digests that we make up ourselves. */
export const CANONICAL_ALGORITHM: Algorithm = "sha256";

const FORMAT = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/**
 * `text` as a digest. Throws `ErrInvalidArgument` with the texts of opencontainers/go-digest: "invalid checksum digest
 * format", "unsupported digest algorithm", "invalid checksum digest length".
 */
export function parseDigest(text: string): Digest {
  if (typeof text !== "string") throw invalid("", "invalid checksum digest format");
  const colon = text.indexOf(":");
  const algorithm = text.slice(0, Math.max(colon, 0));
  const hex = text.slice(colon + 1);
  if (!isAlgorithm(algorithm)) {
    throw invalid(
      text,
      FORMAT.test(text) ? "unsupported digest algorithm" : "invalid checksum digest format",
    );
  }
  if (hex === "") throw invalid(text, "invalid checksum digest format");
  if (hex.length !== HEX_LENGTH[algorithm]) throw invalid(text, "invalid checksum digest length");
  if (!/^[0-9a-f]+$/.test(hex)) throw invalid(text, "invalid checksum digest format");
  return text as Digest;
}

/** Whether `parseDigest` would accept `text`. */
export function isDigest(text: string): text is Digest {
  if (typeof text !== "string") return false;
  const [algorithm = "", hex = "", ...rest] = text.split(":");
  return (
    rest.length === 0 &&
    isAlgorithm(algorithm) &&
    hex.length === HEX_LENGTH[algorithm] &&
    /^[0-9a-f]+$/.test(hex)
  );
}

/** Whether `text` has the form of a digest, of an algorithm that is none of ours. */
export function isForeignDigest(text: string): boolean {
  return FORMAT.test(text) && !isAlgorithm(text.slice(0, text.indexOf(":")));
}

function isAlgorithm(text: string): text is Algorithm {
  return Object.hasOwn(HEX_LENGTH, text);
}

function invalid(text: string, reason: string): ErrInvalidArgument {
  return new ErrInvalidArgument(reason, { digest: text.slice(0, 256) });
}

/** The algorithm of a digest. */
export function algorithmOf(digest: Digest): Algorithm {
  return digest.slice(0, digest.indexOf(":")) as Algorithm;
}

/** The hexadecimal part of a digest. */
export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

/** The first 12 hexadecimal digits: the id under which docker shows an object. */
export function shortId(digest: Digest): string {
  return encodedOf(digest).slice(0, 12);
}

/** The digest of bytes that are in memory anyway. */
export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = CANONICAL_ALGORITHM): Digest {
  return `${algorithm}:${hash(algorithm, bytes)}` as Digest;
}

/** Computes a digest while bytes stream by. */
export class Digester {
  readonly algorithm: Algorithm;
  #hash: Hash;

  constructor(algorithm: Algorithm = CANONICAL_ALGORITHM) {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** Adds bytes; they are not kept. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** The digest of everything so far; more bytes may follow. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest("hex")}` as Digest;
  }

  /** Starts anew. */
  reset(): void {
    this.#hash = createHash(this.algorithm);
  }
}
