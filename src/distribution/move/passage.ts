import { algorithmOf, type Digest, Digester } from "../../digest/digest.ts";

/** What a content turns out to be while its bytes pass, some of them perhaps more than once. */
export class Passage {
  readonly #size: number;
  readonly #digester: Digester | undefined;
  #passedBytes = 0;

  /** @param isChecked whether it is found out what the content is */
  constructor({ digest, size }: { readonly digest: Digest; readonly size: number }, isChecked: boolean) {
    this.#size = size;
    this.#digester = isChecked ? new Digester(algorithmOf(digest)) : undefined;
  }

  /** Whether all bytes have passed, and nobody knows whether they were right. */
  get isDoubtful(): boolean {
    return !this.#digester && this.#isWhole;
  }

  get #isWhole(): boolean {
    return this.#passedBytes === this.#size;
  }

  /** Bytes that belong at `offset` pass. */
  passed(bytes: Uint8Array, offset: number): void {
    const known = this.#passedBytes - offset;
    if (known < 0 || known >= bytes.byteLength) return; // they are known, or behind a gap that nobody knows
    this.#digester?.update(known > 0 ? bytes.subarray(known) : bytes);
    this.#passedBytes = offset + bytes.byteLength;
  }

  /** The digest, once all have passed; `undefined` when that is not found out here. */
  digest(): Digest | undefined {
    return this.#isWhole ? this.#digester?.digest() : undefined;
  }

  /** What has passed is forgotten. */
  forget(): void {
    this.#digester?.reset();
    this.#passedBytes = 0;
  }
}
