import { expect, it } from "vitest";
import { ExchangeThread } from "../../../src/registry/transport/exchange-thread.ts";
import { networkDefaults, takeNetworkDefaults } from "../../../src/registry/transport/network-defaults.ts";

it("what holds for connections in this thread holds in those that it starts", async () => {
  const usual = networkDefaults();
  const set = { resultOrder: "ipv6first", autoSelectFamily: false, attemptTimeoutMs: 1_234 } as const;
  takeNetworkDefaults(set);
  try {
    const file = new URL("../support/defaults-child.ts", import.meta.url);
    const thread = new ExchangeThread({ file, connection: {} });
    const error = await thread.open({}).catch((refusal: unknown) => refusal as Error);
    await thread.end();
    expect(JSON.parse((error as Error).message)).toEqual(set);
  } finally {
    takeNetworkDefaults(usual);
  }
});
