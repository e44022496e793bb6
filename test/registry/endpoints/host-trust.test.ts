import { describe, expect, it } from "vitest";
import { hostTrust } from "../../../src/registry/endpoints/host-trust.ts";

describe("hostTrust()", () => {
  it("judges each host by what is configured for it", async () => {
    const trust = hostTrust({
      insecureRegistries: ["lab.example", "10.0.0.0/8"],
      skipTlsVerify: ["odd.example:8443"],
      plainHttp: ["plain.example"],
      resolveHost: async () => [],
    });
    const judged = async (host: string) => [
      await trust.skipsVerification(host),
      await trust.allowsPlainHttp(host),
    ];
    expect(await judged("lab.example")).toEqual([true, true]);
    expect(await judged("10.1.2.3:5000")).toEqual([true, true]);
    expect(await judged("odd.example:8443")).toEqual([true, false]);
    expect(await judged("odd.example")).toEqual([false, false]);
    expect(await judged("plain.example")).toEqual([false, true]);
    expect(await judged("other.example")).toEqual([false, false]);
  });

  it("trusts loopback hosts alone when nothing is configured", async () => {
    const trust = hostTrust();
    for (const host of ["localhost:5000", "127.0.0.1", "[::1]:5000"]) {
      expect(await trust.skipsVerification(host)).toBe(true);
      expect(await trust.allowsPlainHttp(host)).toBe(true);
    }
    expect(await trust.skipsVerification("r.example")).toBe(false);
  });

  it("rejects when the signal fires", async () => {
    const trust = hostTrust({
      insecureRegistries: ["10.0.0.0/8"],
      resolveHost: () => new Promise(() => {}),
    });
    const controller = new AbortController();
    const judged = trust.skipsVerification("slow.example", { signal: controller.signal });
    controller.abort();
    await expect(judged).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});
