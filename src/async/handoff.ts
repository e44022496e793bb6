import { ErrCanceled } from "../errors/classes.ts";

/**
 * Hands items from one who gives to one who takes, without keeping any: whoever gives waits until the other has asked for the next
 * one, so that an item may be used until then.
 */
export class Handoff<T> {
  #given: { readonly item: T; readonly taken: PromiseWithResolvers<void> } | undefined;
  /** Whether the one who takes has the item that was given. */
  #isHeld = false;
  #more = Promise.withResolvers<void>();
  #end: { readonly error?: unknown } | undefined;
  #isLeft = false;

  /** Gives an item. Resolves when it may be reused; rejects with `ErrCanceled` when nobody takes any more. One at a time. */
  async give(item: T): Promise<void> {
    if (this.#isLeft) throw left();
    const taken = Promise.withResolvers<void>();
    this.#given = { item, taken };
    this.#more.resolve();
    await taken.promise;
  }

  /** Nothing more will be given. @param failure why, if that is no end to be glad of */
  end(failure?: { readonly error: unknown }): void {
    this.#end ??= failure ?? {};
    this.#more.resolve();
  }

  /** The next item; `undefined` at the end. The one before is given back. Throws what `end` was given. */
  async next(): Promise<T | undefined> {
    this.#giveBack();
    if (!this.#given && !this.#end) await this.#more.promise;
    this.#more = Promise.withResolvers<void>();
    if (this.#given) {
      this.#isHeld = true;
      return this.#given.item;
    }
    if (this.#end && "error" in this.#end) throw this.#end.error;
    return undefined;
  }

  /** Nobody takes any more: whoever gives is told so. */
  leave(): void {
    this.#isLeft = true;
    this.#given?.taken.reject(left());
    this.#given = undefined;
  }

  #giveBack(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const { taken } = this.#given ?? {};
    this.#given = undefined;
    taken?.resolve();
  }
}

function left(): ErrCanceled {
  return new ErrCanceled("hand over: nobody takes it any more");
}
