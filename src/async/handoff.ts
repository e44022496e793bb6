import { ErrCanceled } from "../errors/classes.ts";

/**
 * Hands items from one who gives to one who takes, without keeping any: whoever gives waits until the other has asked for the next
 * one, so that an item may be used until then.
 */
export class Handoff<T> {
  #given: { readonly item: T; readonly taken: PromiseWithResolvers<void> } | undefined;
  /** Whether the one who takes has the item that was given. */
  #isHeld = false;
  /** The one who takes waits. */
  #asked: PromiseWithResolvers<T | undefined> | undefined;
  #end: { readonly error?: unknown } | undefined;
  #isLeft = false;

  /** Gives an item. Resolves when it may be reused; rejects with `ErrCanceled` when nobody takes any more. One at a time. */
  give(item: T): Promise<void> {
    if (this.#isLeft) return Promise.reject(left());
    const taken = Promise.withResolvers<void>();
    this.#given = { item, taken };
    this.#answer();
    return taken.promise;
  }

  /** Nothing more will be given. @param failure why, if that is no end to be glad of */
  end(failure?: { readonly error: unknown }): void {
    this.#end ??= failure ?? {};
    this.#answer();
  }

  /** The next item; `undefined` at the end. The one before is given back. Throws what `end` was given. */
  next(): Promise<T | undefined> {
    this.#giveBack();
    this.#asked ??= Promise.withResolvers();
    const { promise } = this.#asked;
    this.#answer();
    return promise;
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

  /** Gives the one who waits what there is for him. */
  #answer(): void {
    const asked = this.#asked;
    if (!asked || !(this.#given || this.#end)) return;
    this.#asked = undefined;
    if (this.#given) {
      this.#isHeld = true;
      asked.resolve(this.#given.item);
    } else if (this.#end && "error" in this.#end) {
      asked.reject(this.#end.error);
    } else {
      asked.resolve(undefined);
    }
  }
}

function left(): ErrCanceled {
  return new ErrCanceled("hand over: nobody takes it any more");
}
