import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import { hostTrust } from "../../../src/registry/endpoints/host-trust.ts";
import { namedHosts } from "../../../src/registry/v1/v1-endpoints.ts";

const SECURE: Endpoint = {
  baseUrl: "https://index.example/v1",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "index.example",
  version: 1,
  tls: { ca: ["PEM"], cert: "CERT", key: "KEY" },
};
const PLAIN: Endpoint = { ...SECURE, baseUrl: "http://index.example/v1", tls: {} };

const trust = hostTrust({ insecureRegistries: ["lab.example"] });

async function named(header: string | undefined, endpoint = SECURE): Promise<readonly string[]> {
  return (await namedHosts(header, { endpoint, trust })).map(
    ({ baseUrl, own }) => `${baseUrl}${own ? " (own)" : ""}`,
  );
}

describe("namedHosts()", () => {
  it.each<[string | undefined, readonly string[]]>([
    [undefined, ["https://index.example/v1 (own)"]],
    ["", ["https://index.example/v1 (own)"]],
    ["index.example", ["https://index.example/v1 (own)"]],
    ["INDEX.example:443", ["https://index.example/v1 (own)"]],
    ["a.example, b.example:8080", ["https://a.example/v1", "https://b.example:8080/v1"]],
    ["a.example,a.example", ["https://a.example/v1"]],
    ["[2001:db8::1]:5000", ["https://[2001:db8::1]:5000/v1"]],
    ["user@a.example, https://b.example, c.example/v2, ?, d.example", ["https://index.example/v1 (own)"]],
    [
      "a.example,b.example,c.example,d.example,e.example",
      ["a", "b", "c", "d"].map((name) => `https://${name}.example/v1`),
    ],
  ])("reads %s", async (header, wanted) => {
    expect(await named(header)).toEqual(wanted);
  });

  it("speaks plain HTTP only where the index does, to hosts that are configured so", async () => {
    expect(await named("lab.example, a.example", PLAIN)).toEqual([
      "http://lab.example/v1",
      "https://a.example/v1",
    ]);
    expect(await named("lab.example")).toEqual(["https://lab.example/v1"]);
  });

  it("shows a client certificate to nobody else, and checks certificates as each host is configured", async () => {
    const [other, lab, own] = await namedHosts("a.example, lab.example, index.example", {
      endpoint: SECURE,
      trust,
    });
    expect(other?.tls).toEqual({ ca: ["PEM"] });
    expect(lab?.tls).toEqual({ ca: ["PEM"], skipVerify: true });
    expect(own?.tls).toEqual(SECURE.tls);
  });
});
