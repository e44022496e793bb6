import { describe, expect, it } from "vitest";
import { type TokenRealm, tokenRealm } from "../../../src/registry/auth/token-realm.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import { hostTrust } from "../../../src/registry/endpoints/host-trust.ts";
import type { RegistryOptions } from "../../../src/registry/endpoints/registry-options.ts";
import type { Challenge } from "../../../src/registry/http/challenge.ts";

const SECURE: Endpoint = {
  baseUrl: "https://registry.example/v2",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "registry.example",
};
const PLAIN: Endpoint = { ...SECURE, baseUrl: "http://registry.example/v2" };
const UNVERIFIED: Endpoint = { ...SECURE, tls: { skipVerify: true, ca: ["CA"], cert: "C", key: "K" } };

type Reading = { readonly scopes?: readonly string[]; readonly registry?: RegistryOptions };

function realmOf(
  parameters: Record<string, string>,
  endpoint: Endpoint,
  { scopes = [], registry }: Reading = {},
): Promise<TokenRealm> {
  return tokenRealm(bearer(parameters), { endpoint, scopes, trust: hostTrust(registry) });
}

function bearer(parameters: Record<string, string>): Challenge {
  return { scheme: "bearer", parameters: new Map(Object.entries(parameters)) };
}

describe("tokenRealm()", () => {
  it("joins the scopes of request and challenge, sorted and once each", async () => {
    const parameters = {
      realm: "https://auth.example/token",
      service: "s",
      scope: "repository:b:pull  repository:a:pull",
    };
    const scopes = ["repository:c:pull", "repository:a:pull"];
    expect(await realmOf(parameters, SECURE, { scopes })).toEqual({
      url: "https://auth.example/token",
      service: "s",
      scopes: ["repository:a:pull", "repository:b:pull", "repository:c:pull"],
      own: false,
      tls: {},
    });
  });

  it("asks for all actions on one resource in one scope", async () => {
    const parameters = {
      realm: "https://auth.example/t",
      scope: "repository:a/b:pull,push registry:catalog:*",
    };
    const { scopes } = await realmOf(parameters, SECURE, { scopes: ["repository:a/b:pull", "aws"] });
    expect(scopes).toEqual(["aws", "registry:catalog:*", "repository:a/b:pull,push"]);
  });

  it.each<[asked: string, scopes: readonly string[]]>([
    ["repository:hub/team/app:pull", ["repository:hub/team/app:pull,push"]],
    ["repository:team/app:pull", ["repository:team/app:pull,push"]],
    ["repository:hub/other:pull", ["repository:hub/other:pull"]],
    ["repository:hub/myteam/app:pull", ["repository:hub/myteam/app:pull"]],
    ["registry:catalog:*", ["registry:catalog:*", "repository:team/app:pull,push"]],
    ["", ["repository:team/app:pull,push"]],
  ])("asks below a path for what the challenge names (%j)", async (scope, wanted) => {
    const parameters = { realm: "https://registry.example/token", scope };
    const scopes = ["repository:team/app:pull,push"];
    for (const path of ["/v2/hub", "/artifactory/api/docker/hub/v2", ""]) {
      const below = { ...SECURE, baseUrl: `https://registry.example${path}` };
      expect((await realmOf(parameters, below, { scopes })).scopes).toEqual(wanted);
    }
  });

  it("does without service and scope", async () => {
    expect(await realmOf({ realm: "https://auth.example/t?x=1" }, SECURE)).toMatchObject({
      url: "https://auth.example/t?x=1",
      service: undefined,
      scopes: [],
    });
  });

  it.each([
    [{}, "no realm specified for token auth challenge"],
    [{ realm: "" }, "no realm specified for token auth challenge"],
    [{ realm: "/\\\\auth.example/token" }, "neither an http or https URL nor a path"],
    [{ realm: "//auth.example/token" }, "neither an http or https URL nor a path"],
    [{ realm: "https:auth.example" }, "neither an http or https URL nor a path"],
    [{ realm: "ftp://auth.example/" }, "neither an http or https URL nor a path"],
    [{ realm: "file:///etc/passwd" }, "neither an http or https URL nor a path"],
    [{ realm: "https://" }, "neither an http or https URL nor a path"],
    [{ realm: "https://user:word@auth.example/" }, "user information"],
    [
      { realm: "http://auth.example/token?x=y" },
      "got plain HTTP realm http://auth.example/token?x=REDACTED, wanted https",
    ],
    [{ realm: "HTTP://auth.example/token" }, "got plain HTTP realm"],
  ])("throws ErrUnauthenticated for %j of a secure registry", async (parameters, reason) => {
    await expect(realmOf(parameters, SECURE)).rejects.toMatchObject({
      code: "ERR_UNAUTHENTICATED",
      endpoint: "https://registry.example",
      message: expect.stringContaining(reason),
    });
  });
});

describe("tokenRealm() at the endpoint's own origin", () => {
  it("may be named by its path alone", async () => {
    expect(await realmOf({ realm: "/token?x=1" }, SECURE)).toMatchObject({
      url: "https://registry.example/token?x=1",
      own: true,
    });
  });

  it("sees what the endpoint sees", async () => {
    expect(await realmOf({ realm: "https://registry.example:443/token" }, UNVERIFIED)).toMatchObject({
      own: true,
      tls: UNVERIFIED.tls,
    });
    expect(await realmOf({ realm: "http://registry.example/token" }, PLAIN)).toMatchObject({ own: true });
  });
});

describe("tokenRealm() at another host", () => {
  it("has its certificate checked although the registry's is not, and sees no client certificate", async () => {
    for (const realm of ["https://auth.example/token", "https://registry.example:8443/token"]) {
      expect(await realmOf({ realm }, UNVERIFIED)).toMatchObject({ own: false, tls: { ca: ["CA"] } });
    }
  });

  it.each<[string, RegistryOptions]>([
    ["https://127.0.0.1:5001/token", {}],
    ["https://auth.example:444/token", { insecureRegistries: ["auth.example:444"] }],
    ["https://10.1.2.3/token", { insecureRegistries: ["10.0.0.0/8"] }],
    ["https://auth.example/token", { skipTlsVerify: ["auth.example"] }],
    ["https://auth.example/token", { skipTlsVerify: true }],
  ])("is not checked when %s is itself configured so (%j)", async (realm, registry) => {
    const { tls } = await realmOf({ realm }, SECURE, { registry });
    expect(tls).toEqual({ skipVerify: true });
  });

  it.each<[string, RegistryOptions]>([
    ["http://127.0.0.1:5001/token", {}],
    ["http://auth.example/token", { insecureRegistries: ["auth.example"] }],
    ["http://auth.example/token", { plainHttp: ["auth.example"] }],
    ["http://auth.example/token", { plainHttp: true }],
    ["https://auth.example/token", {}],
  ])("is used by a plain registry as %s (%j)", async (realm, registry) => {
    expect((await realmOf({ realm }, PLAIN, { registry })).url).toBe(realm);
  });

  it("is refused by plain HTTP when only the registry is insecure", async () => {
    const registry = { plainHttp: ["registry.example"], insecureRegistries: ["registry.example"] };
    for (const endpoint of [PLAIN, UNVERIFIED]) {
      await expect(realmOf({ realm: "http://auth.example/token" }, endpoint, { registry })).rejects.toThrow(
        "got plain HTTP realm http://auth.example/token at another host, which is not configured as insecure",
      );
    }
  });
});
