import { describe, expect, it } from "vitest";
import type { Challenge } from "../../../src/registry/auth/challenge.ts";
import { tokenRealm } from "../../../src/registry/auth/token-realm.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";

const SECURE: Endpoint = {
  baseUrl: "https://registry.example/v2",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "registry.example",
};
const PLAIN: Endpoint = { ...SECURE, baseUrl: "http://registry.example/v2" };

function bearer(parameters: Record<string, string>): Challenge {
  return { scheme: "bearer", parameters: new Map(Object.entries(parameters)) };
}

describe("tokenRealm()", () => {
  it("joins the scopes of request and challenge, sorted and once each", () => {
    const challenge = bearer({
      realm: "https://auth.example/token",
      service: "s",
      scope: "repository:b:pull  repository:a:pull",
    });
    expect(tokenRealm(challenge, ["repository:c:pull", "repository:a:pull"], SECURE)).toEqual({
      url: "https://auth.example/token",
      service: "s",
      scopes: ["repository:a:pull", "repository:b:pull", "repository:c:pull"],
    });
  });

  it("does without service and scope", () => {
    expect(tokenRealm(bearer({ realm: "https://auth.example/t?x=1" }), [], SECURE)).toEqual({
      url: "https://auth.example/t?x=1",
      service: undefined,
      scopes: [],
    });
  });

  it.each(["http://auth.example/token", "https://auth.example/token"])(
    "lets a plain registry name %s",
    (realm) => {
      expect(tokenRealm(bearer({ realm }), [], PLAIN).url).toBe(realm);
    },
  );

  it.each([
    [{}, "no realm specified for token auth challenge"],
    [{ realm: "" }, "no realm specified for token auth challenge"],
    [{ realm: "/token" }, "not an absolute http or https URL"],
    [{ realm: "//auth.example/token" }, "not an absolute http or https URL"],
    [{ realm: "https:auth.example" }, "not an absolute http or https URL"],
    [{ realm: "ftp://auth.example/" }, "not an absolute http or https URL"],
    [{ realm: "file:///etc/passwd" }, "not an absolute http or https URL"],
    [{ realm: "https://" }, "not an absolute http or https URL"],
    [{ realm: "https://user:word@auth.example/" }, "user information"],
    [
      { realm: "http://auth.example/token?x=y" },
      "got plain HTTP realm http://auth.example/token?x=REDACTED, wanted https",
    ],
    [{ realm: "HTTP://auth.example/token" }, "got plain HTTP realm"],
  ])("throws ErrUnauthenticated for %j of a secure registry", (parameters, reason) => {
    const read = (): unknown => tokenRealm(bearer(parameters), [], SECURE);
    expect(read).toThrow(reason);
    expect(read).toThrow(expect.objectContaining({ code: "ERR_UNAUTHENTICATED", endpoint: SECURE.baseUrl }));
  });
});
