import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { TestRegistry, testAuthority } from "../../../src/testing.ts";
import { requestStatus } from "./request-status.ts";

const HOSTS = ["localhost", "127.0.0.1"];

describe("testAuthority()", () => {
  it("vouches for what it has issued, and says for whom", () => {
    const authority = testAuthority();
    const { key, cert } = authority.issue(["registry.test", "10.1.2.3", "::1", "2001:db8::7:0:1"]);
    const [issued, own] = [new X509Certificate(cert), new X509Certificate(authority.cert)];
    expect(issued.verify(own.publicKey)).toBe(true);
    expect(issued.checkIssued(own)).toBe(true);
    expect(issued.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect([own.ca, issued.ca]).toEqual([true, false]);
    expect(issued.subjectAltName?.split(", ")).toEqual([
      "DNS:registry.test",
      "IP Address:10.1.2.3",
      "IP Address:0:0:0:0:0:0:0:1",
      "IP Address:2001:DB8:0:0:0:7:0:1",
    ]);
  });

  it("issues what is no longer good, or not yet", () => {
    const validity = {
      validFrom: new Date("2021-02-03T04:05:06Z"),
      validTo: new Date("2022-12-31T23:59:59Z"),
    };
    const { validFromDate, validToDate } = new X509Certificate(testAuthority().issue(HOSTS, validity).cert);
    expect([validFromDate, validToDate]).toEqual([validity.validFrom, validity.validTo]);
  });

  it("is trusted for what authorities below it have issued", async () => {
    const authority = testAuthority();
    const tls = authority.intermediate().intermediate().issue(HOSTS);
    await using registry = await TestRegistry.start({ tls });
    expect(await requestStatus(`${registry.url}/v2/`, { ca: authority.cert })).toBe(200);
    const stranger = requestStatus(`${registry.url}/v2/`, { ca: testAuthority().cert });
    await expect(stranger).rejects.toMatchObject({ code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" });
  });

  it("lets clients in by what it has issued for nobody in particular", async () => {
    const authority = testAuthority();
    const server = authority.issue(HOSTS);
    const tls = { ...server, ca: authority.cert, requestCert: true };
    await using registry = await TestRegistry.start({ tls });
    const url = `${registry.url}/v2/`;
    expect(await requestStatus(url, { ca: authority.cert, ...authority.issue([]) })).toBe(200);
    await expect(requestStatus(url, { ca: authority.cert, ...testAuthority().issue([]) })).rejects.toThrow();
  });
});
