import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostTrust, tlsBeyond } from "../../../src/registry/endpoints/host-trust.ts";
import type { RegistryOptions } from "../../../src/registry/endpoints/registry-options.ts";
import { testAuthority } from "../../../src/testing.ts";

/** A table of registries.conf. */
function entry(prefix: string, lines: string): string {
  return `[[registry]]\nprefix = "${prefix}"\n${lines}\n`;
}

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

  describe("of a host that files name", () => {
    const authority = testAuthority();
    const { cert, key } = authority.issue([]);
    let home: string;
    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), "drayage-trust-"));
    });
    afterEach(() => rm(home, { recursive: true }));

    async function trustBy(files: Readonly<Record<string, string>>, options: RegistryOptions = {}) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(home, name)), { recursive: true });
        await writeFile(join(home, name), text);
      }
      const [hostsDir, registriesConf] = [join(home, "hosts"), join(home, "registries.conf")];
      return hostTrust({ hostsDir, registriesConf, daemonConfig: join(home, "daemon.json"), ...options });
    }

    it("goes by its own hosts.toml", async () => {
      const toml = 'ca = "ca.pem"\nclient = [["cert.pem", "key.pem"]]\n';
      const trust = await trustBy({
        "hosts/tokens.example/hosts.toml": toml,
        "hosts/tokens.example/ca.pem": authority.cert,
        "hosts/tokens.example/cert.pem": cert,
        "hosts/tokens.example/key.pem": key,
        "hosts/unchecked.example/hosts.toml": '[host."https://unchecked.example"]\nskip_verify = true\n',
        "hosts/plain.example/hosts.toml": 'server = "http://plain.example"\n',
        "hosts/cached.example/hosts.toml": 'server = "https://cache.example"\nskip_verify = true\n',
      });
      expect(await trust.tlsOf("tokens.example")).toEqual({ ca: [authority.cert], cert: [cert], key: [key] });
      expect(await trust.allowsPlainHttp("tokens.example")).toBe(false);
      expect(await trust.tlsOf("unchecked.example")).toEqual({ skipVerify: true });
      expect(await trust.allowsPlainHttp("unchecked.example")).toBe(false);
      expect(await trust.allowsPlainHttp("plain.example")).toBe(true);
      expect(await trust.tlsOf("cached.example")).toEqual({}); // not a word about the host itself
      expect(await trust.tlsOf("other.example")).toEqual({});
    });

    it("goes by what a hosts.toml for all registries says of a registry's own host", async () => {
      const trust = await trustBy({ "hosts/_default/hosts.toml": "skip_verify = true\n" });
      expect(await trust.tlsOf("tokens.example")).toEqual({ skipVerify: true });
    });

    it("goes by registries.conf, where that means the whole host", async () => {
      const trust = await trustBy({
        "registries.conf": [
          entry("tokens.example", 'location = "tokens.example"\ninsecure = true'),
          entry("*.lab.example", "insecure = true"),
          entry("part.example/team", 'location = "part.example/team"\ninsecure = true'),
          entry("blocked.example", 'location = "blocked.example"\nblocked = true'),
        ].join("\n"),
      });
      for (const host of ["tokens.example", "tokens.example:8443", "tokens.lab.example"]) {
        expect(await trust.tlsOf(host)).toEqual({ skipVerify: true });
        expect(await trust.allowsPlainHttp(host)).toBe(true);
      }
      for (const host of ["part.example", "blocked.example", "tokens.example.org"]) {
        expect(await trust.tlsOf(host)).toEqual({});
        expect(await trust.allowsPlainHttp(host)).toBe(false);
      }
    });

    it("goes by daemon.json where no other file has anything about it", async () => {
      const daemon = JSON.stringify({ "insecure-registries": ["tokens.example"] });
      const trust = await trustBy({ "daemon.json": daemon });
      expect(await trust.tlsOf("tokens.example")).toEqual({ skipVerify: true });
      expect(await trust.allowsPlainHttp("tokens.example")).toBe(true);
    });

    it("goes by options before files", async () => {
      const files = { "hosts/tokens.example/hosts.toml": "skip_verify = true\n" };
      const trust = await trustBy(files, { tls: { "tokens.example": { skipVerify: false } } });
      expect(await trust.tlsOf("tokens.example")).toEqual({ skipVerify: false });
    });

    it("says where a file is broken", async () => {
      const trust = await trustBy({ "hosts/tokens.example/hosts.toml": "ca = [\n" });
      await expect(trust.tlsOf("tokens.example")).rejects.toThrow(/hosts\.toml/);
    });
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
