import { algorithmOf, type Digest, Digester } from "../../digest/digest.ts";

/** What a content turns out to be while its bytes pass, some of them perhaps more than once. */
export class Passage {
  readonly #size: number;
  readonly #digester: Digester;
  #hashedBytes = 0;

  constructor({ digest, size }: { readonly digest: Digest; readonly size: number }) {
    this.#size = size;
    this.#digester = new Digester(algorithmOf(digest));
  }

  /** Bytes that belong at `offset` pass. */
  passed(bytes: Uint8Array, offset: number): void {
    const known = this.#hashedBytes - offset;
    if (known < 0 || known >= bytes.byteLength) return; // they are known, or behind a gap that nobody knows
    this.#digester.update(known > 0 ? bytes.subarray(known) : bytes);
    this.#hashedBytes = offset + bytes.byteLength;
  }

  /** The digest, once all have passed. */
  digest(): Digest | undefined {
    return this.#hashedBytes === this.#size ? this.#digester.digest() : undefined;
  }

  /** What has passed is forgotten. */
  forget(): void {
    this.#digester.reset();
    this.#hashedBytes = 0;
  }
}
