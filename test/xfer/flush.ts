import { setImmediate as nextTurn } from "node:timers/promises";
import { turnRoom } from "../../src/async/turn-room.ts";

/** Resolves when everything that can go on without time or the outside world has gone on, on a busy machine too. */
export async function flush(): Promise<void> {
  await nextTurn();
  for (let room = turnRoom(); room; room = turnRoom()) {
    await room;
    await nextTurn();
  }
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
