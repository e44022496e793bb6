import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hostTrust, tlsBeyond } from "../../../src/registry/endpoints/host-trust.ts";
import { testAuthority } from "../../../src/testing.ts";

describe("hostTrust()", () => {
  it("judges each host by what is configured for it", async () => {
    const trust = hostTrust({
      insecureRegistries: ["lab.example", "10.0.0.0/8"],
      skipTlsVerify: ["odd.example:8443"],
      plainHttp: ["plain.example"],
      resolveHost: async () => [],
    });
    const judged = async (host: string) => [
      (await trust.tlsOf(host)).skipVerify === true,
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
      expect(await trust.tlsOf(host)).toEqual({ skipVerify: true });
      expect(await trust.allowsPlainHttp(host)).toBe(true);
    }
    expect(await trust.tlsOf("r.example")).toEqual({});
  });

  it("knows the certificates of each host, from files and options", async () => {
    const certsDir = await mkdtemp(join(tmpdir(), "drayage-trust-"));
    const [authority, other] = [testAuthority(), testAuthority()];
    const { cert, key } = authority.issue([]);
    const write = async (host: string, files: Readonly<Record<string, string>>) => {
      await mkdir(join(certsDir, host));
      for (const [name, text] of Object.entries(files)) await writeFile(join(certsDir, host, name), text);
    };
    await write("tokens.example", { "ca.crt": authority.cert, "c.cert": cert, "c.key": key });
    await write("broken.example", { "c.key": key });
    const trust = hostTrust({ certsDir, tls: { "option.example": { ca: [other.cert] } } });
    const own = { ca: [authority.cert], cert: [cert], key: [key] };
    expect(await trust.tlsOf("tokens.example")).toEqual(own);
    expect(await trust.tlsOf("option.example")).toEqual({ ca: [other.cert] });
    await expect(trust.tlsOf("broken.example")).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });

    const endpoint = { tls: { skipVerify: true, ca: [other.cert, authority.cert], cert: "C", key: "K" } };
    const beyond = (host: string) => tlsBeyond(endpoint, host, { trust });
    expect(await beyond("tokens.example")).toEqual({ ...own, ca: [authority.cert, other.cert] });
    expect(await beyond("else.example")).toEqual({ ca: [other.cert, authority.cert] });
    await rm(certsDir, { recursive: true });
  });

  it("rejects when the signal fires", async () => {
    const trust = hostTrust({
      insecureRegistries: ["10.0.0.0/8"],
      resolveHost: () => new Promise(() => {}),
    });
    const controller = new AbortController();
    const judged = trust.tlsOf("slow.example", { signal: controller.signal });
    controller.abort();
    await expect(judged).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});
