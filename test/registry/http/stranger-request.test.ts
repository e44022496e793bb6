import { describe, expect, it } from "vitest";
import { asStranger } from "../../../src/registry/http/stranger-request.ts";

describe("asStranger()", () => {
  it("keeps what describes the request and drops whatever could be a credential", () => {
    const { signal } = new AbortController();
    const kept = {
      accept: "*/*",
      "accept-encoding": "identity",
      "content-length": "4",
      "content-range": "0-3",
      "content-type": "application/octet-stream",
      range: "bytes=1-",
      "user-agent": "drayage/1",
    };
    const dropped = { authorization: "Bearer s", cookie: "s", "x-registry-auth": "s", "x-meta-a": "s" };
    const request = {
      method: "PUT",
      url: "https://elsewhere.test/upload",
      body: "1234",
      storing: true,
      signal,
    } as const;
    const tls = { skipVerify: true, ca: ["ca"], cert: "cert", key: "key" };
    const scopes = ["repository:a:pull,push"];
    expect(asStranger({ ...request, headers: { ...kept, ...dropped }, scopes, tls })).toEqual({
      ...request,
      headers: kept,
      tls: { skipVerify: true, ca: ["ca"] },
      stranger: true,
    });
  });
});
