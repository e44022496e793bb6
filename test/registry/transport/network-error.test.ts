import { describe, expect, it } from "vitest";
import { ErrNotFound } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import { networkError } from "../../../src/registry/transport/network-error.ts";

const context = { action: "GET https://registry.test", endpoint: "https://registry.test" };
const coded = (code: unknown): Error =>
  Object.assign(new Error("raw text of https://x/?sig=secret"), { code });

describe("networkError()", () => {
  it.each([
    ["ECONNREFUSED", "connection refused", true],
    ["ECONNRESET", "connection reset by the other side", true],
    ["EAI_AGAIN", "temporary failure in name resolution", true],
    ["ENOTFOUND", "no such host", false],
    ["UND_ERR_CONNECT_TIMEOUT", "no connection in time", true],
    ["UND_ERR_SOCKET", "connection closed by the other side", true],
    ["UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "connection closed before the end of the body", true],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate not trusted: self-signed", false],
    ["CERT_HAS_EXPIRED", "certificate has expired", false],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "TLS refused by the other side: handshake failure", false],
    [
      "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
      "client certificate is missing, or refused by the other side: bad certificate",
      false,
    ],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLS handshake failed: client certificate required", false],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate is for another host", false],
    ["ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC", "TLS refused by the other side: bad record mac", true],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "TLS failed: internal error of the other side", true],
    ["EBRANDNEW", "connection failed (EBRANDNEW)", true],
    ["constructor", "connection failed (constructor)", true],
    [undefined, "connection failed (no code)", true],
    [42, "connection failed (no code)", true],
  ])("makes ErrUnavailable of %s", (code, words, retryable) => {
    const cause = coded(code);
    const error = networkError(cause, context);
    expect(error).toMatchObject({ name: "ErrUnavailable", message: `${context.action}: ${words}`, cause });
    expect(error.endpoint).toBe(context.endpoint);
    expect(isRetryable(error)).toBe(retryable);
  });

  it("says for which hosts a certificate is, on one line and at no great length", () => {
    const subjectaltname = `DNS:a.test, IP Address:::1, DNS:b\n.test${", DNS:more.test".repeat(50)}`;
    const cause = Object.assign(coded("ERR_TLS_CERT_ALTNAME_INVALID"), { cert: { subjectaltname } });
    const { message } = networkError(cause, context);
    expect(message).toContain(": certificate is for another host: it names a.test, ::1, b .test, more.test");
    expect(message.length).toBeLessThan(250);
  });

  it("says how far it came", () => {
    const error = networkError(coded("ECONNRESET"), { ...context, progress: "got 1 of 2 bytes" });
    expect(error.message).toBe(`${context.action}: connection reset by the other side: got 1 of 2 bytes`);
  });

  it("blames the caller for a request that cannot be sent", () => {
    expect(networkError(coded("UND_ERR_INVALID_ARG"), context).name).toBe("ErrInvalidArgument");
  });

  it("takes a closed transport for a cancellation", () => {
    expect(networkError(coded("UND_ERR_DESTROYED"), context).name).toBe("ErrCanceled");
  });

  it("lets our own errors pass, and survives things that are no errors", () => {
    const own = new ErrNotFound("own");
    expect(networkError(own, context)).toBe(own);
    expect(networkError("text", context).message).toContain("no code");
    expect(networkError(null, context).message).toContain("no code");
  });
});
