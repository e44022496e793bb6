import { describe, expect, it } from "vitest";
import { plainWaiter } from "../../src/async/waiting.ts";

describe("plainWaiter()", () => {
  it("runs what waits under its signal and gives the result", async () => {
    const { signal } = new AbortController();
    await expect(plainWaiter({ signal }).wait("reason", async (given) => given === signal)).resolves.toBe(
      true,
    );
  });

  it("shows the reason before it waits", async () => {
    const seen: string[] = [];
    const waiter = plainWaiter({ show: ({ words }) => seen.push(words) });
    await waiter.wait("Waiting for the crane", async () => void seen.push("waits"));
    expect(seen).toEqual(["Waiting for the crane", "waits"]);
  });
});
