/** Errors whose words go out as they are. */
const plain = new WeakSet<Error>();

/**
 * Marks an error that containerd's service makes itself: unlike those that come from the store, its words go out without
 * the words of its class behind them.
 */
export function plainly<E extends Error>(error: E): E {
  plain.add(error);
  return error;
}

/** Whether the error was marked so. */
export function isPlain(error: Error): boolean {
  return plain.has(error);
}
