import { describe, expect, it } from "vitest";
import { TestRegistry } from "../../../src/testing.ts";
import { call } from "../wire.ts";

const account = { username: "user", password: "secret" };
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const SCOPE = "repository:a:pull";

interface TokenAnswer {
  readonly token?: string;
  readonly access_token?: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
  readonly issued_at?: string;
  readonly scope?: string;
  readonly error?: string;
}

async function get(registry: TestRegistry, query: Record<string, string>, authorization?: string) {
  const response = await call(registry, `/token?${new URLSearchParams(query).toString()}`, {
    headers: { ...(authorization !== undefined && { authorization }) },
  });
  return { status: response.status, body: (await response.json()) as TokenAnswer };
}

async function post(registry: TestRegistry, form: Record<string, string>) {
  const response = await call(registry, "/token", { method: "POST", body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as TokenAnswer };
}

async function works(registry: TestRegistry, token: string | undefined): Promise<boolean> {
  const headers = { authorization: `Bearer ${token ?? ""}` };
  const { status } = await call(registry, "/v2/a/manifests/none", { method: "HEAD", headers });
  return status === 404;
}

describe("TokenServer", () => {
  it("answers GET with the token under both names and its lifetime", async () => {
    await using registry = await TestRegistry.start({
      auth: { bearer: { ...account, expiresInSeconds: 77 } },
    });
    const { body } = await get(registry, { scope: SCOPE }, basic("user:secret"));
    expect(body).toMatchObject({ token: body.access_token, expires_in: 77 });
    expect(new Date(body.issued_at ?? "").getTime()).toBeGreaterThan(0);
    expect(body.refresh_token).toBeUndefined();
    expect(await works(registry, body.token)).toBe(true);
  });

  it("takes several scopes, repeated or in one parameter", async () => {
    await using registry = await TestRegistry.start({ auth: { bearer: account } });
    const query = "scope=repository:x:pull&scope=repository:y:pull%20repository(plugin):a:*&scope=nonsense";
    const response = await call(registry, `/token?${query}`, {
      headers: { authorization: basic("user:secret") },
    });
    expect(await works(registry, ((await response.json()) as TokenAnswer).token)).toBe(true);
  });

  it.each([basic("user:wrong"), basic("other:secret"), "Bearer x"])(
    "refuses GET with %s",
    async (authorization) => {
      await using registry = await TestRegistry.start({ auth: { bearer: account } });
      expect((await get(registry, { scope: SCOPE }, authorization)).status).toBe(401);
    },
  );

  it("refuses a request for another service", async () => {
    await using registry = await TestRegistry.start({ auth: { bearer: { ...account, service: "mine" } } });
    expect((await get(registry, { service: "theirs" })).status).toBe(400);
    expect((await get(registry, { service: "mine" })).status).toBe(200);
    const form = { grant_type: "password", ...account, service: "theirs" };
    expect(await post(registry, form)).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });

  it("answers the password grant", async () => {
    await using registry = await TestRegistry.start({ auth: { bearer: account } });
    const { status, body } = await post(registry, { grant_type: "password", ...account, scope: SCOPE });
    expect(status).toBe(200);
    expect(body).toMatchObject({ scope: SCOPE, expires_in: 300 });
    expect([body.token, body.refresh_token]).toEqual([undefined, undefined]);
    expect(await works(registry, body.access_token)).toBe(true);
  });

  it.each([
    [
      "POST",
      (registry: TestRegistry) =>
        post(registry, { grant_type: "password", ...account, access_type: "offline" }),
    ],
    ["GET", (registry: TestRegistry) => get(registry, { offline_token: "true" }, basic("user:secret"))],
  ])("gives a refresh token by %s, which works again and again", async (_, login) => {
    await using registry = await TestRegistry.start({ auth: { bearer: account } });
    let refresh = (await login(registry)).body.refresh_token ?? "";
    registry.revokeTokens();
    for (let round = 0; round < 2; round += 1) {
      const form = { grant_type: "refresh_token", refresh_token: refresh, scope: SCOPE };
      const { body } = await post(registry, form);
      expect(await works(registry, body.access_token)).toBe(true);
      refresh = body.refresh_token ?? "";
    }
  });

  it("gives no refresh token to nobody", async () => {
    await using registry = await TestRegistry.start({ auth: { bearer: account } });
    expect((await get(registry, { offline_token: "true" })).body.refresh_token).toBeUndefined();
  });

  it.each([
    [{ grant_type: "password", username: "user", password: "no" }, 401, "invalid_grant"],
    [{ grant_type: "refresh_token", refresh_token: "no" }, 401, "invalid_grant"],
    [{ grant_type: "password" }, 401, "invalid_grant"],
    [{ grant_type: "client_credentials" }, 400, "unsupported_grant_type"],
    [{}, 400, "unsupported_grant_type"],
    [{ grant_type: "password", filler: "x".repeat(70_000) }, 413, "invalid_request"],
  ] as [Record<string, string>, number, string][])(
    "refuses a form (case %#)",
    async (form, status, error) => {
      await using registry = await TestRegistry.start({ auth: { bearer: account } });
      expect(await post(registry, form)).toMatchObject({ status, body: { error } });
    },
  );

  it("is there with bearer authentication only", async () => {
    await using registry = await TestRegistry.start();
    expect((await call(registry, "/token")).status).toBe(404);
    await using bearer = await TestRegistry.start({ auth: { bearer: {} } });
    expect((await call(bearer, "/token", { method: "PUT" })).status).toBe(405);
  });
});
