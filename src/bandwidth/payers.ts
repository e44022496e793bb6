import type { Account } from "./account.ts";
import type { Limit } from "./limit.ts";

/** A pull or push, as the one on whose account bytes move. */
export interface Payer extends Disposable {
  /** Its group's name, where that is a name. */
  readonly group: string | undefined;
  /** What it has had, and what its group has had. */
  readonly accounts: readonly [group: Account, own: Account];
  /** Its own limit. */
  readonly limit: Limit | undefined;
}

/** Those on whose account the bytes of one transfer move: all who want it at present. */
export class Payers {
  /** How often each of them wants it. */
  readonly #all = new Map<Payer, number>();
  readonly #listeners = new Set<() => void>();
  #isYielding = false;

  /** Whether nobody among them is in the foreground. */
  get isYielding(): boolean {
    return this.#isYielding;
  }

  set isYielding(isYielding: boolean) {
    if (isYielding === this.#isYielding) return;
    this.#isYielding = isYielding;
    this.#tell();
  }

  /** All of them. */
  get all(): Iterable<Payer> {
    return this.#all.keys();
  }

  /** Somebody else wants it. */
  add(payer: Payer): void {
    const times = this.#all.get(payer) ?? 0;
    this.#all.set(payer, times + 1);
    if (times === 0) this.#tell();
  }

  /** Somebody does not want it any more; to be called as often as `add`. */
  delete(payer: Payer): void {
    const times = this.#all.get(payer) ?? 0;
    if (times > 1) return void this.#all.set(payer, times - 1);
    if (this.#all.delete(payer)) this.#tell();
  }

  /** Calls `listener`, which must not throw, with every change until the function returned is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
