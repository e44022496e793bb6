import type { Digest } from "../../digest/digest.ts";
import { ErrDataLoss } from "../../errors/classes.ts";

/** Who gave wrong bytes of one content: whoever begins that again, because some of them were passed on, asks others. */
export class WrongAnswers {
  readonly #digest: Digest;
  readonly #known = new Map<string, ErrDataLoss>();

  constructor(digest: Digest) {
    this.#digest = digest;
  }

  /** All bytes that turned out to be wrong came from `endpoint`, an origin. */
  note(endpoint: string, cause: unknown): void {
    const digest = this.#digest;
    const message = `verify ${digest}: got other bytes`;
    this.#known.set(endpoint, new ErrDataLoss(message, { digest, endpoint, retryable: false, cause }));
  }

  /** Throws the `ErrDataLoss` of an endpoint that is known for one. */
  assertTrusted(endpoint: string): void {
    const known = this.#known.get(endpoint);
    if (known) throw known;
  }
}
