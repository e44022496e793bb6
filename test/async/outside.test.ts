import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it } from "vitest";
import { outside } from "../../src/async/outside.ts";

it("outside() shows nothing of the caller's AsyncLocalStorage, also later in what it runs", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen = await storage.run("caller", () =>
    outside(async () => {
      const first = storage.getStore();
      await Promise.resolve();
      return [first, storage.getStore()];
    }),
  );
  expect(seen).toEqual([undefined, undefined]);
});
