import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { selfSigned, TestRegistry } from "../../../src/testing.ts";
import { requestStatus } from "./request-status.ts";

describe("selfSigned()", () => {
  it("makes a certificate that is valid for this host and signed by its own key", () => {
    const { key, cert } = selfSigned();
    const certificate = new X509Certificate(cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(certificate.checkHost("example.com")).toBeUndefined();
    expect(certificate.ca).toBe(true);
  });

  it("makes another one each time", () => {
    expect(new X509Certificate(selfSigned().cert).serialNumber).not.toBe(
      new X509Certificate(selfSigned().cert).serialNumber,
    );
  });

  it("serves TLS to clients that trust it, and to no others", async () => {
    const tls = selfSigned();
    await using registry = await TestRegistry.start({ tls });
    expect(registry.url).toBe(`https://${registry.host}`);
    expect(await requestStatus(`${registry.url}/v2/`, { ca: tls.cert })).toBe(200);
    await expect(requestStatus(`${registry.url}/v2/`, { ca: selfSigned().cert })).rejects.toThrow(
      /self-signed|signature/,
    );
  });

  it("serves clients that show the certificate asked for, and no others", async () => {
    const tls = selfSigned();
    const client = selfSigned();
    await using registry = await TestRegistry.start({ tls: { ...tls, ca: client.cert, requestCert: true } });
    expect(await requestStatus(`${registry.url}/v2/`, { ca: tls.cert, ...client })).toBe(200);
    await expect(requestStatus(`${registry.url}/v2/`, { ca: tls.cert })).rejects.toThrow();
  });
});
