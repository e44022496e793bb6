import { describe, expect, it } from "vitest";
import { isInvalidArgument } from "../../../src/errors/predicates.ts";
import {
  isInsecure,
  parseInsecureRegistries,
  systemResolveHost,
} from "../../../src/registry/endpoints/insecure.ts";

const DNS: Readonly<Record<string, readonly string[]>> = {
  "example.com": ["42.42.42.42"],
  "other.com": ["43.43.43.43"],
  "mapped.example": ["::ffff:42.42.1.1"],
  "several.example": ["9.9.9.9", "2001:db8::7"],
  "forged.example": ["127.0.0.1"],
};

const resolveHost = async (hostname: string): Promise<readonly string[]> => {
  const addresses = DNS[hostname];
  if (!addresses) throw new Error(`getaddrinfo ENOTFOUND ${hostname}`);
  return addresses;
};

describe("isInsecure()", () => {
  it.each<[host: string, entries: string[], insecure: boolean]>([
    ["example.com", [], false],
    ["example.com", ["example.com"], true],
    ["EXAMPLE.com", ["example.COM"], true],
    ["localhost", ["localhost:5000"], true],
    ["localhost:5000", [], true],
    ["localhost", ["example.com"], true],
    ["registry.localhost:5000", [], true],
    ["notlocalhost", [], false],
    ["127.0.0.1", [], true],
    ["127.9.9.9:5000", ["example.com"], true],
    ["[::1]:5000", [], true],
    ["[::2]", [], false],
    ["128.0.0.1", [], false],
    ["example.com:5000", ["example.com"], false],
    ["example.com:5000", ["example.com:5000"], true],
    ["example.com:5000", ["42.42.0.0/16"], true],
    ["example.com", ["42.42.0.0/16"], true],
    ["example.com:5000", ["42.42.42.42/8"], true],
    ["other.com", ["42.42.0.0/16"], false],
    ["42.42.42.42:5000", ["42.1.1.1/8"], true],
    ["43.1.1.1", ["42.1.1.1/8"], false],
    ["mapped.example", ["42.42.0.0/16"], true],
    ["several.example", ["2001:db8::/32"], true],
    ["[2001:db8::9]:443", ["2001:db8::/32"], true],
    ["9.9.9.9", ["0.0.0.0/0"], true],
    ["invalid.example.com", ["42.42.0.0/16"], false],
    ["invalid.example.com", ["invalid.example.com"], true],
    ["invalid.example.com:5000", ["invalid.example.com"], false],
    ["forged.example", ["42.42.0.0/16"], false],
    ["[1200:0:AB00:1234:0:2552:7777:1313]", ["1200:0000:AB00:1234:0000:2552:7777:1313"], true],
  ])("of %s with %j is %s", async (host, entries, insecure) => {
    expect(await isInsecure(host, parseInsecureRegistries(entries), { resolveHost })).toBe(insecure);
  });

  it("asks no resolver when no network is configured", async () => {
    const lookedUp: string[] = [];
    const noting = async (hostname: string): Promise<string[]> => {
      lookedUp.push(hostname);
      return ["127.0.0.1"];
    };
    const listed = parseInsecureRegistries(["other.com"]);
    expect(await isInsecure("example.com", listed, { resolveHost: noting })).toBe(false);
    expect(lookedUp).toEqual([]);
  });

  it("rejects with ErrCanceled when the signal fires during the lookup", async () => {
    const controller = new AbortController();
    const options = { resolveHost: () => new Promise<never>(() => {}), signal: controller.signal };
    const answer = isInsecure("example.com", parseInsecureRegistries(["10.0.0.0/8"]), options);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: "ERR_CANCELED" });
  });
});

describe("systemResolveHost()", () => {
  it("gives the addresses of a name", async () => {
    expect(await systemResolveHost("127.0.0.1")).toEqual(["127.0.0.1"]);
  });
});

describe("parseInsecureRegistries()", () => {
  it.each([
    "127.0.0.1",
    "127.0.0.1:8080",
    "2001:db8::1",
    "[2001:db8::1]",
    "[2001:db8::1]:80",
    "myhost.com",
    "myhost.com:80",
  ])("takes %s with and without a scheme", (entry) => {
    const plain = parseInsecureRegistries([entry]).hosts;
    expect(plain.size).toBe(1);
    for (const scheme of ["http://", "https://", "HTTP://"]) {
      expect(parseInsecureRegistries([scheme + entry]).hosts).toEqual(plain);
    }
  });

  it("keeps networks apart from hosts", () => {
    const { hosts, networks } = parseInsecureRegistries(["102.10.8.1/24"]);
    expect(hosts.size).toBe(0);
    expect(networks?.check("102.10.8.77")).toBe(true);
    expect(networks?.check("102.10.9.77")).toBe(false);
  });

  it.each([
    ["svn://myhost.com", "got a scheme other than http and https"],
    ["-myhost.com", "hyphen"],
    ["myhost.com-", "hyphen"],
    ["mytest-.com", 'invalid host "mytest-.com"'],
    ["1200:0000:AB00:1234:0000:2552:7777:1313:8080", "invalid host"],
    ["mytest.com:500000", 'invalid port "500000"'],
    ['"mytest.com"', "invalid host"],
    ['"mytest.com:5000"', "invalid host"],
    ["[fe80::]/64", "invalid host"],
    ["10.0.0.0/33", "invalid host"],
    ["2001:db8::/129", "invalid host"],
    ["", "invalid host"],
  ])("throws ErrInvalidArgument for %j", (entry, reason) => {
    const parse = (): unknown => parseInsecureRegistries(["good.example", entry]);
    expect(parse).toThrow(reason);
    expect(parse).toThrow(expect.toSatisfy(isInvalidArgument));
  });
});
