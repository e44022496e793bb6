import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ErrCanceled } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import { MAX_ERROR_BODY_BYTES } from "../../../src/registry/answers/error-body.ts";
import { errorFromResponse } from "../../../src/registry/answers/error-response.ts";
import type { HttpRequest } from "../../../src/registry/http/send.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { fakeResponse } from "../support/fake-send.ts";

const REQUEST: HttpRequest = { method: "GET", url: "https://registry.test/v2/a/manifests/b?ns=x" };
const ADDRESS = "GET https://registry.test/v2/a/manifests/b?ns=REDACTED";
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

const errorOf = (status: number, body: unknown, headers: Record<string, string | string[]> = JSON_TYPE) =>
  errorFromResponse(
    REQUEST,
    fakeResponse(REQUEST, { status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }),
    new FakeClock(Date.parse("2026-01-01T00:00:00Z")),
  );

describe("errorFromResponse()", () => {
  it.each([
    ["UNAUTHORIZED", 401, "ErrUnauthenticated", false],
    ["DENIED", 403, "ErrPermissionDenied", false],
    ["DENIED", 401, "ErrPermissionDenied", false],
    ["NAME_UNKNOWN", 404, "ErrNotFound", false],
    ["MANIFEST_UNKNOWN", 404, "ErrNotFound", false],
    ["manifest_unknown", 404, "ErrNotFound", false],
    ["BLOB_UNKNOWN", 404, "ErrNotFound", false],
    ["BLOB_UPLOAD_UNKNOWN", 404, "ErrNotFound", false],
    ["MANIFEST_UNKNOWN", 400, "ErrNotFound", false],
    ["NAME_INVALID", 400, "ErrInvalidArgument", false],
    ["TAG_INVALID", 400, "ErrInvalidArgument", false],
    ["DIGEST_INVALID", 400, "ErrInvalidArgument", false],
    ["SIZE_INVALID", 400, "ErrInvalidArgument", false],
    ["MANIFEST_INVALID", 400, "ErrInvalidArgument", false],
    ["MANIFEST_BLOB_UNKNOWN", 400, "ErrFailedPrecondition", false],
    ["BLOB_UPLOAD_INVALID", 400, "ErrFailedPrecondition", false],
    ["UNSUPPORTED", 405, "ErrNotImplemented", false],
    ["TOOMANYREQUESTS", 429, "ErrResourceExhausted", true],
    ["DENIED", 429, "ErrResourceExhausted", true],
    ["UNAVAILABLE", 503, "ErrUnavailable", true],
    ["UNKNOWN", 404, "ErrNotFound", false],
    ["UNKNOWN", 500, "ErrInternal", true],
    ["BRAND_NEW", 403, "ErrPermissionDenied", false],
  ])("maps %s with status %d to %s", async (code, status, name, retryable) => {
    const error = await errorOf(status, { errors: [{ code, message: "some words", detail: { a: 1 } }] });
    expect(error.name).toBe(name);
    expect(isRetryable(error)).toBe(retryable);
    expect(error).toMatchObject({
      message: `${code.toLowerCase().replaceAll("_", " ")}: some words`,
      registryCode: code.toUpperCase(),
      httpStatus: status,
      endpoint: "https://registry.test",
    });
  });

  it.each([
    [400, "ErrInvalidArgument", false],
    [401, "ErrUnauthenticated", false],
    [403, "ErrPermissionDenied", false],
    [404, "ErrNotFound", false],
    [408, "ErrUnavailable", true],
    [418, "ErrUnknown", false],
    [429, "ErrResourceExhausted", true],
    [500, "ErrInternal", true],
    [501, "ErrNotImplemented", false],
    [502, "ErrUnavailable", true],
    [503, "ErrUnavailable", true],
    [504, "ErrUnavailable", true],
    [599, "ErrUnknown", true],
  ])("maps status %d without a code to %s", async (status, name, retryable) => {
    const error = await errorOf(status, "", {});
    expect(error.name).toBe(name);
    expect(isRetryable(error)).toBe(retryable);
    expect(error.message).toMatch(/^GET https:\/\/registry\.test\/v2\/a\/manifests\/b\?ns=REDACTED: \d{3}/);
    expect(error).not.toHaveProperty("registryCode");
  });

  it("classifies a bare code, which moby does not", async () => {
    const error = await errorOf(400, { errors: [{ code: "TAG_INVALID" }] });
    expect(error).toMatchObject({ name: "ErrInvalidArgument", message: "tag invalid" });
  });

  it("keeps all errors, and lets the first with a meaning decide", async () => {
    const errors = [
      { code: "UNKNOWN", message: "hm" },
      { code: "NAME_UNKNOWN", message: "no repository" },
      { code: "DENIED" },
    ];
    const error = await errorOf(404, { errors });
    expect(error).toMatchObject({ name: "ErrNotFound", message: "name unknown: no repository" });
    expect(error.errors?.map(String)).toEqual([
      "ErrNotFound: unknown: hm",
      "ErrNotFound: name unknown: no repository",
      "ErrPermissionDenied: denied",
    ]);
  });

  it.each([
    ['Bearer realm="r",error="insufficient_scope"', "ErrPermissionDenied", "DENIED"],
    ['Bearer realm="r", error=invalid_token', "ErrUnauthenticated", "UNAUTHORIZED"],
    [["Basic realm=x", 'Bearer error="insufficient_scope"'], "ErrPermissionDenied", "DENIED"],
  ])("puts what the challenge %j says in front", async (challenge, name, registryCode) => {
    const headers = { ...JSON_TYPE, "www-authenticate": challenge };
    const error = await errorOf(401, { errors: [{ code: "UNSUPPORTED" }] }, headers);
    expect(error).toMatchObject({ name, registryCode });
    expect(error.errors).toHaveLength(2);
  });

  it.each([
    ["plain text", "try later\n", { "content-type": "text/plain" }, ": try later"],
    ["text without a type", "try later", {}, ": try later"],
    ["docker's details", '{"details":"try later"}', JSON_TYPE, ": try later"],
    ["a message", '{"message":"try later"}', JSON_TYPE, ": try later"],
    ["no words at all", '{"errors":[]}', JSON_TYPE, ""],
    ["nonsense", '{"errors":[null,7,{}]}', JSON_TYPE, ""],
    ["broken JSON", '{"errors":', JSON_TYPE, ': {"errors":'],
    ["a web page", "<html>Sorry</html>", { "content-type": "text/html" }, ""],
    ["an object store", "<Error><Code>SlowDown</Code><Key>secret</Key></Error>", {}, ": SlowDown"],
  ])("reads %s", async (_, body, headers, words) => {
    expect((await errorOf(502, body, headers)).message).toBe(`${ADDRESS}: 502 Bad Gateway${words}`);
  });

  it("bounds and cleans what the registry says", async () => {
    const message = `see https://x.test/?token=secret \u0007${"x".repeat(10_000)}`;
    const error = await errorOf(404, { errors: [{ code: "NAME_UNKNOWN", message }] });
    expect(error.message).toMatch(/^name unknown: see https:\/\/x\.test\/\?token=REDACTED x+\.\.\.$/);
    expect(error.message.length).toBeLessThan(600);
  });

  it("reads no more of the body than the limit", async () => {
    const asked: number[] = [];
    const response = fakeResponse(REQUEST, { status: 500 });
    const body = {
      ...response.body,
      async head(maxBytes: number) {
        asked.push(maxBytes);
        return new Uint8Array();
      },
    };
    await errorFromResponse(REQUEST, { ...response, body });
    expect(asked).toEqual([MAX_ERROR_BODY_BYTES]);
  });

  it.each([
    ["30", 30_000],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
  ])("reads Retry-After %s", async (retryAfter, retryAfterMs) => {
    expect(await errorOf(503, "", { "retry-after": retryAfter })).toMatchObject({ retryAfterMs });
  });

  it("names the host that a redirect led to, without its query", async () => {
    const response = fakeResponse({ url: "https://cdn.test/x?sig=secret" }, { status: 403 });
    const { message, endpoint } = await errorFromResponse(REQUEST, response);
    expect(message).toBe(`${ADDRESS} (redirected to https://cdn.test): 403 Forbidden`);
    expect(endpoint).toBe("https://registry.test");
  });

  it("throws when the signal fires", async () => {
    const request = { ...REQUEST, signal: AbortSignal.abort() };
    await expect(errorFromResponse(request, fakeResponse(request, { status: 404 }))).rejects.toBeInstanceOf(
      ErrCanceled,
    );
  });

  it.each([
    ["message", { code: "UNKNOWN", message: "token t0k3n/x is expired" }],
    ["code", { code: "t0k3n/x", message: "expired" }],
    ["escaped message", { code: "UNKNOWN", message: "got token%3Dt0k3n%2Fx" }],
  ])(
    "keeps what the request told the server out of the error, when it comes back in a %s",
    async (_, error) => {
      const response = fakeResponse(REQUEST, { status: 500, body: JSON.stringify({ errors: [error] }) });
      const found = await errorFromResponse(REQUEST, { ...response, secrets: ["t0k3n/x"] });
      expect(inspect(found, { depth: 9 })).not.toMatch(/t0k3n/i);
    },
  );

  it("says how long a server without words asks to wait", async () => {
    const response = fakeResponse(REQUEST, { status: 429, headers: { "retry-after": "30" } });
    const { message } = await errorFromResponse(REQUEST, response);
    expect(message).toBe(`${ADDRESS}: 429 Too Many Requests: asks to wait 30 s`);
  });
});
