import { EventEmitter } from "eventemitter3";

type Listener = (...args: unknown[]) => unknown;

/** Told what a listener threw, or what its promise was rejected with. Must not throw. */
export type OnListenerFailure = (error: unknown) => void;

/**
 * Events whose listeners cannot fail what they listen to: what one throws is reported, and the others hear
 * the event all the same.
 */
export class GuardedEvents<E extends EventEmitter.ValidEventTypes> extends EventEmitter<E> {
  readonly #onFailure: OnListenerFailure;
  /** What is registered in place of a listener, so that it can be taken off again. */
  readonly #guards = new WeakMap<object, object>();
  readonly #originals = new WeakMap<object, object>();

  constructor(onFailure: OnListenerFailure) {
    super();
    this.#onFailure = onFailure;
  }

  override on<T extends EventEmitter.EventNames<E>>(
    event: T,
    listener: EventEmitter.EventListener<E, T>,
    context?: unknown,
  ): this {
    return super.on(event, this.#guard(listener), context);
  }

  override addListener<T extends EventEmitter.EventNames<E>>(
    event: T,
    listener: EventEmitter.EventListener<E, T>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  override once<T extends EventEmitter.EventNames<E>>(
    event: T,
    listener: EventEmitter.EventListener<E, T>,
    context?: unknown,
  ): this {
    return super.once(event, this.#guard(listener), context);
  }

  override removeListener<T extends EventEmitter.EventNames<E>>(
    event: T,
    listener?: EventEmitter.EventListener<E, T>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.removeListener(event, listener && this.#guard(listener), context, once);
  }

  override off<T extends EventEmitter.EventNames<E>>(
    event: T,
    listener?: EventEmitter.EventListener<E, T>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, listener, context, once);
  }

  override listeners<T extends EventEmitter.EventNames<E>>(event: T): EventEmitter.EventListener<E, T>[] {
    return super
      .listeners(event)
      .map((guard) => (this.#originals.get(guard) as typeof guard | undefined) ?? guard);
  }

  #guard<L extends object>(listener: L): L {
    if (this.#originals.has(listener)) return listener; // the emitter itself takes off what it hears once
    const known = this.#guards.get(listener);
    if (known) return known as L;
    const call = listener as unknown as Listener;
    const onFailure = this.#onFailure;
    const guard: Listener = function guardedListener(this: unknown, ...args) {
      try {
        const result = call.apply(this, args);
        if (result instanceof Promise) result.catch(onFailure);
      } catch (error) {
        onFailure(error);
      }
    };
    this.#guards.set(listener, guard);
    this.#originals.set(guard, listener);
    return guard as unknown as L;
  }
}
