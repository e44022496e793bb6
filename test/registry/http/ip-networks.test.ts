import { BlockList } from "node:net";
import { describe, expect, it } from "vitest";
import { addNetwork, isInNetworks, LOOPBACK } from "../../../src/registry/http/ip-networks.ts";

describe("addNetwork()", () => {
  it.each([
    ["10.0.0.0/8", "10.1.2.3"],
    ["fd00::/8", "fd12::1"],
  ])("adds %s", (text, address) => {
    const networks = new BlockList();
    expect(addNetwork(networks, text)).toBe(true);
    expect(isInNetworks(networks, address)).toBe(true);
  });

  it.each(["10.0.0.0", "10.0.0.0/33", "fd00::/129", "fe80::1%eth0/64", "registry.example/8", ""])(
    "adds nothing for %j",
    (text) => {
      const networks = new BlockList();
      expect(addNetwork(networks, text)).toBe(false);
      expect(networks.rules).toEqual([]);
    },
  );
});

it("isInNetworks() knows addresses only", () => {
  expect(isInNetworks(LOOPBACK, "127.3.2.1")).toBe(true);
  expect(isInNetworks(LOOPBACK, "::1")).toBe(true);
  expect(isInNetworks(LOOPBACK, "192.0.2.1")).toBe(false);
  expect(isInNetworks(LOOPBACK, "localhost")).toBe(false);
});
