import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { type AuthOptions, type BearerOptions, TestRegistry } from "../../../src/testing.ts";
import { call, errorCodes } from "../wire.ts";

const account = { username: "user", password: "pa:ss wörd" };
const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
const ACCOUNT = basic(account.username, account.password);

async function start(auth: AuthOptions): Promise<TestRegistry> {
  const registry = await TestRegistry.start({ auth });
  await registry.putBlob("a/b", Buffer.from("blob"));
  registry.putManifest("a/b", "v1", "{}", "application/json");
  return registry;
}

/** Gets a token as a client does; returns the `Authorization` header for it. */
async function login(registry: TestRegistry, scope: string, authorization?: string): Promise<string> {
  const query = new URLSearchParams({ service: "drayage-test", scope });
  const response = await call(registry, `/token?${query.toString()}`, {
    headers: { ...(authorization !== undefined && { authorization }) },
  });
  expect(response.status).toBe(200);
  return `Bearer ${((await response.json()) as { token: string }).token}`;
}

async function challengeOf(registry: TestRegistry, path: string, init: RequestInit = {}): Promise<string> {
  const response = await call(registry, path, init);
  expect(response.status).toBe(401);
  expect(await errorCodes(response)).toEqual(["UNAUTHORIZED"]);
  return response.headers.get("www-authenticate") ?? "";
}

async function statusOf(registry: TestRegistry, path: string, authorization: string, method = "GET") {
  const response = await call(registry, path, { method, headers: { authorization } });
  await response.arrayBuffer();
  return response.status;
}

describe("basicGuard()", () => {
  it("lets the account in", async () => {
    await using registry = await start({ basic: account });
    for (const path of ["/v2/", "/v2/a/b/manifests/v1", "/v2/a/b/tags/list"]) {
      expect(await statusOf(registry, path, ACCOUNT)).toBe(200);
    }
  });

  it.each([
    ["nothing", undefined],
    ["a wrong password", basic("user", "wrong")],
    ["a wrong user", basic("other", account.password)],
    ["no colon", `Basic ${Buffer.from("user").toString("base64")}`],
    ["another scheme", "Bearer x"],
  ])("asks for the account when given %s", async (_, authorization) => {
    await using registry = await start({ basic: account });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    expect(await challengeOf(registry, "/v2/", { headers })).toBe('Basic realm="drayage test registry"');
  });
});

describe("bearerGuard()", () => {
  const bearer: BearerOptions = account;

  it.each([
    ["GET", "/v2/", ""],
    ["GET", "/v2/a/b/manifests/v1", ',scope="repository:a/b:pull"'],
    ["GET", "/v2/a/b/tags/list", ',scope="repository:a/b:pull"'],
    ["PUT", "/v2/a/b/manifests/v1", ',scope="repository:a/b:pull,push"'],
    ["POST", "/v2/a/b/blobs/uploads/", ',scope="repository:a/b:pull,push"'],
    ["GET", "/v2/a/b/blobs/uploads/id", ',scope="repository:a/b:pull,push"'],
    ["DELETE", "/v2/a/b/manifests/v1", ',scope="repository:a/b:delete"'],
    [
      "POST",
      `/v2/a/b/blobs/uploads/?mount=${digestOf("x")}&from=c`,
      ',scope="repository:a/b:pull,push repository:c:pull"',
    ],
  ])("names the scope that %s %s needs", async (method, path, scope) => {
    await using registry = await start({ bearer });
    const challenge = await challengeOf(registry, path, { method });
    expect(challenge).toBe(`Bearer realm="${registry.url}/token",service="drayage-test"${scope}`);
  });

  it("lets a token do what it grants, and no more", async () => {
    await using registry = await start({ bearer });
    const pull = await login(registry, "repository:a/b:pull", ACCOUNT);
    expect(await statusOf(registry, "/v2/", pull)).toBe(200);
    expect(await statusOf(registry, "/v2/a/b/manifests/v1", pull)).toBe(200);
    const challenge = await challengeOf(registry, "/v2/a/b/blobs/uploads/", {
      method: "POST",
      headers: { authorization: pull },
    });
    expect(challenge).toContain('scope="repository:a/b:pull,push",error="insufficient_scope"');
    expect(await statusOf(registry, "/v2/other/tags/list", pull)).toBe(401);
    const push = await login(registry, "repository:a/b:pull,push", ACCOUNT);
    expect(await statusOf(registry, "/v2/a/b/blobs/uploads/", push, "POST")).toBe(202);
  });

  it("refuses a token that it does not know", async () => {
    await using registry = await start({ bearer });
    const challenge = await challengeOf(registry, "/v2/", { headers: { authorization: "Bearer nonsense" } });
    expect(challenge).toContain('error="invalid_token"');
  });

  it("refuses every token after revokeTokens()", async () => {
    await using registry = await start({ bearer });
    const token = await login(registry, "repository:a/b:pull", ACCOUNT);
    registry.revokeTokens();
    const challenge = await challengeOf(registry, "/v2/a/b/tags/list", { headers: { authorization: token } });
    expect(challenge).toContain('error="invalid_token"');
    const next = await login(registry, "repository:a/b:pull", ACCOUNT);
    expect(await statusOf(registry, "/v2/a/b/tags/list", next)).toBe(200);
  });

  it("refuses a token past its time", async () => {
    await using registry = await start({ bearer: { ...account, expiresInSeconds: 0 } });
    const token = await login(registry, "repository:a/b:pull", ACCOUNT);
    expect(await statusOf(registry, "/v2/a/b/tags/list", token)).toBe(401);
  });

  it("needs a grant on the source of a mount too", async () => {
    await using registry = await start({ bearer });
    const { digest } = await registry.putBlob("c", Buffer.from("mounted"));
    const path = `/v2/a/b/blobs/uploads/?mount=${digest}&from=c`;
    const half = await login(registry, "repository:a/b:pull,push", ACCOUNT);
    expect(await statusOf(registry, path, half, "POST")).toBe(401);
    const full = await login(registry, "repository:a/b:pull,push repository:c:pull", ACCOUNT);
    expect(await statusOf(registry, path, full, "POST")).toBe(201);
  });

  it.each([
    ["without an account grants everything", {}, 200, 202],
    ["may pull where that is allowed", { ...account, anonymousPull: true }, 200, 401],
    ["grants nothing otherwise", account, 401, 401],
    [
      "grants what the rule says",
      { grants: (user?: string) => (user === undefined ? (["pull"] as const) : []) },
      200,
      401,
    ],
  ])("gives an anonymous token that %s", async (_, options, pullStatus, pushStatus) => {
    await using registry = await start({ bearer: options });
    const token = await login(registry, "repository:a/b:pull,push");
    expect(await statusOf(registry, "/v2/a/b/tags/list", token)).toBe(pullStatus);
    expect(await statusOf(registry, "/v2/a/b/blobs/uploads/", token, "POST")).toBe(pushStatus);
  });
});
