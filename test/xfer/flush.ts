/** Resolves when everything that can go on without time or the outside world has gone on. */
export function flush(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** How a promise stands, without waiting for it. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "resolved" | "rejected"> {
  let state: "pending" | "resolved" | "rejected" = "pending";
  const watch = async (): Promise<void> => {
    try {
      await promise;
      state = "resolved";
    } catch {
      state = "rejected";
    }
  };
  void watch();
  await flush();
  return state;
}
