import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../../src/async/clock.ts";
import { basicAuthorization, fetchToken, type TokenOptions } from "../../../src/registry/auth/token.ts";
import type { TokenRealm } from "../../../src/registry/auth/token-realm.ts";
import type { Token } from "../../../src/registry/auth/token-response.ts";
import type { Credentials } from "../../../src/registry/credentials/credentials.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import type { Send } from "../../../src/registry/http/send.ts";
import { USER_AGENT } from "../../../src/registry/http/user-agent.ts";
import { fetchSend, json, type SeenRequest, scriptedServer } from "../support/scripted-server.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const clock: Clock = {
  now: () => NOW_MS,
  elapsed: () => STARTED_MS,
  sleep: () => Promise.reject(new Error("waited")),
};
/** By another clock than the time of day. */
const STARTED_MS = 1_000;
const USER: Credentials = { username: "ann", password: "hunter2" };
const SCOPES = ["repository:a/b:pull", "repository:c:pull"];

const ENDPOINT: Endpoint = {
  baseUrl: "https://registry.example/v2",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "registry.example",
  headers: { "x-meta-a": "b" },
};

type Answer = (response: ServerResponse, request: SeenRequest) => void;
type Outcome = { readonly token: Promise<Token>; readonly seen: readonly SeenRequest[] };

/** Asks a real token server at `/token?x=1` that answers by `answer`. */
async function ask(
  answer: Answer,
  credentials?: Credentials,
  { realmParts, ...options }: Partial<TokenOptions> & { readonly realmParts?: Partial<TokenRealm> } = {},
): Promise<Outcome> {
  await using server = await scriptedServer((request, response) => answer(response, request));
  const realm = {
    url: `${server.origin}/token?x=1`,
    service: "registry.example",
    scopes: SCOPES,
    own: true,
    tls: undefined,
    ...realmParts,
  };
  const token = fetchToken(realm, { endpoint: ENDPOINT, credentials, send: fetchSend, clock, ...options });
  await token.catch(() => {});
  return { token, seen: server.seen };
}

const notFound: Answer = (response) => json(response, {}, 404);
const echo: Answer = (response, { headers, body }) =>
  json(response, { message: `bad ${headers.authorization} hunter2 id-token ${body}` }, 401);
const granted: Answer = (response) => json(response, { token: "t0ken" });

describe("fetchToken()", () => {
  it("asks by GET as anonymous, with the realm's own query, service and each scope", async () => {
    const { token, seen } = await ask(granted);
    expect(await token).toEqual({ value: "t0ken", issuedAtMs: STARTED_MS, expiresAtMs: STARTED_MS + 60_000 });
    const [request] = seen;
    expect(seen).toHaveLength(1);
    expect(request?.method).toBe("GET");
    expect([...(request?.url.searchParams ?? [])]).toEqual([
      ["x", "1"],
      ["service", "registry.example"],
      ["scope", SCOPES[0]],
      ["scope", SCOPES[1]],
    ]);
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.headers["x-meta-a"]).toBe("b");
  });

  it("adds account and Basic authorization when user and password are there", async () => {
    const { seen } = await ask(granted, USER);
    expect(seen[0]?.url.searchParams.get("account")).toBe("ann");
    expect(seen[0]?.headers.authorization).toBe(`Basic ${btoa("ann:hunter2")}`);
  });

  it.each<Credentials>([{ username: "ann" }, { password: "hunter2" }, {}])(
    "is anonymous with %j",
    async (credentials) => {
      const { seen } = await ask(granted, credentials);
      expect(seen[0]?.url.searchParams.has("account")).toBe(false);
      expect(seen[0]?.headers.authorization).toBeUndefined();
    },
  );

  it("says who we are by User-Agent and meta headers, each name once whatever its spelling", async () => {
    const metaHeaders = { "X-Meta-Client": "me" };
    const headers = { "X-Key": "k", Authorization: "Basic c3RhdGlj", "USER-AGENT": "proxy/1" };
    const endpoint = { ...ENDPOINT, headers };
    const { seen } = await ask(granted, USER, { metaHeaders, endpoint });
    expect(seen[0]?.headers).toMatchObject({
      "user-agent": "proxy/1",
      "x-meta-client": "me",
      "x-key": "k",
      authorization: `Basic ${btoa("ann:hunter2")}`,
    });
    const posted = await ask(granted, { identityToken: "id" }, { metaHeaders });
    expect(posted.seen[0]?.headers).toMatchObject({ "user-agent": USER_AGENT, "x-meta-client": "me" });
  });

  it("keeps the endpoint's headers and certificate from a token server at another origin", async () => {
    const tlsSeen: unknown[] = [];
    const send: Send = (request) => {
      tlsSeen.push(request.tls);
      return fetchSend(request);
    };
    const endpoint = { ...ENDPOINT, headers: { "x-key": "secret" }, tls: { cert: "C", key: "K" } };
    for (const credentials of [USER, { identityToken: "id" }]) {
      const { seen } = await ask(granted, credentials, { endpoint, send, realmParts: { own: false } });
      expect(seen[0]?.headers["x-key"]).toBeUndefined();
      expect(seen[0]?.headers["user-agent"]).toBe(USER_AGENT);
    }
    expect(tlsSeen).toEqual([undefined, undefined]);
  });

  it("posts an identity token, even when a password is there too", async () => {
    const { token, seen } = await ask(granted, { ...USER, identityToken: "id&token" });
    expect((await token).value).toBe("t0ken");
    expect(seen).toHaveLength(1);
    expect(seen[0]?.method).toBe("POST");
    expect(seen[0]?.url.search).toBe("?x=1");
    expect(seen[0]?.headers).toMatchObject({
      "content-type": "application/x-www-form-urlencoded",
      "x-meta-a": "b",
    });
    expect(seen[0]?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
      grant_type: "refresh_token",
      refresh_token: "id&token",
      client_id: "drayage",
      service: "registry.example",
      scope: SCOPES.join(" "),
    });
  });

  it.each([404, 405])("posts the password when the server answers GET with %i", async (status) => {
    const postOnly: Answer = (response, { method }) =>
      method === "GET" ? json(response, {}, status) : json(response, { access_token: "t0ken" });
    const { token, seen } = await ask(postOnly, USER);
    expect((await token).value).toBe("t0ken");
    expect(seen.map(({ method }) => method)).toEqual(["GET", "POST"]);
    expect(Object.fromEntries(new URLSearchParams(seen[1]?.body))).toMatchObject({
      grant_type: "password",
      username: "ann",
      password: "hunter2",
    });
    expect(seen[1]?.headers.authorization).toBeUndefined();
  });

  it("posts nothing as anonymous, and no second time", async () => {
    const anonymous = await ask(notFound);
    await expect(anonymous.token).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED", httpStatus: 404 });
    expect(anonymous.seen).toHaveLength(1);
    const known = await ask(notFound, USER);
    await expect(known.token).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    expect(known.seen).toHaveLength(2);
  });

  it.each<[answer: unknown, value: string, lifetimeSeconds: number]>([
    [{ token: "a" }, "a", 60],
    [{ access_token: "b" }, "b", 60],
    [{ access_token: "b", token: "a" }, "b", 60],
    [{ access_token: "", token: "a" }, "a", 60],
    [{ token: "a", expires_in: 300 }, "a", 300],
    [{ token: "a", expires_in: 5 }, "a", 60],
    [{ token: "a", expires_in: 1e300 }, "a", 86_400],
    [{ token: "a", expires_in: -5 }, "a", 60],
    [{ token: "a", expires_in: "300" }, "a", 60],
    [{ token: "a", expires_in: null, issued_at: "1999-01-01T00:00:00Z" }, "a", 60],
  ])("reads %j", async (answer, value, lifetimeSeconds) => {
    const { token } = await ask((response) => json(response, answer));
    const expiresAtMs = STARTED_MS + lifetimeSeconds * 1000;
    expect(await token).toEqual({ value, issuedAtMs: STARTED_MS, expiresAtMs });
  });

  it.each([
    ["{}"],
    ["[]"],
    ["null"],
    [""],
    ["<html>"],
    ['{"token":""}'],
    ['{"token":7}'],
    ['{"token":"a"'],
    ['{"errors":[]}'],
  ])("throws ErrUnauthenticated when a success is %j", async (body) => {
    const { token } = await ask((response) => response.end(body));
    await expect(token).rejects.toMatchObject({
      code: "ERR_UNAUTHENTICATED",
      endpoint: "https://registry.example",
      message: expect.stringContaining("authorization server did not include a token in the response"),
    });
  });

  it.each(["a\r\nx-evil: 1", "a b", "a\u0000", "é"])(
    "refuses the token %j that no header can hold",
    async (value) => {
      const { token } = await ask((response) => json(response, { token: value }));
      await expect(token).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
      await expect(token).rejects.not.toThrow(value);
    },
  );

  it("throws ErrOutOfRange when the answer is longer than 1 MiB", async () => {
    const { token } = await ask((response) => json(response, { token: "a".repeat(1024 * 1024) }));
    await expect(token).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE" });
  });

  it.each<[status: number, code: string, retryable: boolean | undefined]>([
    [302, "ERR_UNAUTHENTICATED", undefined],
    [400, "ERR_UNAUTHENTICATED", undefined],
    [401, "ERR_UNAUTHENTICATED", undefined],
    [403, "ERR_PERMISSION_DENIED", undefined],
    [404, "ERR_UNAUTHENTICATED", undefined],
    [408, "ERR_UNAVAILABLE", true],
    [429, "ERR_RESOURCE_EXHAUSTED", true],
    [500, "ERR_UNAVAILABLE", true],
    [503, "ERR_UNAVAILABLE", true],
  ])("makes of status %i an error %s", async (httpStatus, code, retryable) => {
    const { token } = await ask((response) => json(response, { message: "sorry" }, httpStatus));
    const error: unknown = await token.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, httpStatus, endpoint: "https://registry.example" });
    expect(error).toMatchObject({
      message: expect.stringMatching(
        `^Fetch token from http://127.0.0.1:\\d+/token\\?x=REDACTED: got status ${httpStatus}: sorry$`,
      ),
    });
    expect((error as { retryable?: boolean }).retryable).toBe(retryable);
  });

  it.each([
    ["7", 7_000],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["soon", undefined],
  ])("tells of Retry-After %s", async (value, retryAfterMs) => {
    const { token } = await ask((response) => response.writeHead(429, { "retry-after": value }).end());
    const error: unknown = await token.catch((thrown: unknown) => thrown);
    expect((error as { retryAfterMs?: number }).retryAfterMs).toBe(retryAfterMs);
  });

  it.each<[body: unknown, words: string]>([
    [{ errors: [{ code: "DENIED", message: "no way" }] }, ": no way"],
    [{ errors: [{ code: "DENIED" }] }, ": DENIED"],
    [{ error: "invalid_grant", error_description: "expired" }, ": expired"],
    [{ error: "invalid_grant" }, ": invalid_grant"],
    [{ details: "incorrect username or password" }, ": incorrect username or password"],
    [{ message: " two\r\n\u001b[31mlines\t" }, ": two [31mlines"],
    [{ message: "x".repeat(600) }, `: ${"x".repeat(512)}...`],
    [{ message: "x".repeat(70_000) }, ""],
    [{ message: 7 }, ""],
    [{ errors: [null] }, ""],
    [null, ""],
  ])("repeats the server's words", async (body, words) => {
    const { token } = await ask((response) => json(response, body, 401));
    const error: unknown = await token.catch((thrown: unknown) => thrown);
    expect((error as Error).message.replace(/^.* got status 401/, "")).toBe(words);
  });

  it("keeps secrets out of the message when the server repeats them", async () => {
    for (const credentials of [USER, { identityToken: "id-token" }]) {
      const { token } = await ask(echo, credentials);
      const error: unknown = await token.catch((thrown: unknown) => thrown);
      const secret = credentials === USER ? /hunter2|YW5uOmh1bnRlcjI=/ : /id-token/;
      expect((error as Error).message).toContain("bad");
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toMatch(secret);
    }
  });

  it.each<[form: string, (password: string) => string]>([
    ["as a query", (password) => `p=${encodeURIComponent(password)}`],
    ["as a form", (password) => String(new URLSearchParams({ password }))],
    ["as JSON with escaped slashes", (password) => JSON.stringify(password).replaceAll("/", "\\/")],
    ["in base64", (password) => Buffer.from(password).toString("base64")],
  ])("keeps a password out of the message when the server repeats it %s", async (_form, repeat) => {
    const password = 's3cr3t/p&ss+w<rd="42 ü';
    const said = repeat(password);
    const { token } = await ask((response) => json(response, { message: `no: ${said}` }, 401), {
      username: "me",
      password,
    });
    const error: unknown = await token.catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(/: no: .*REDACTED/);
    expect((error as Error).message).not.toContain(said);
  });

  it("rejects when the signal fires", async () => {
    const controller = new AbortController();
    const { token } = await ask(() => controller.abort(), undefined, { signal: controller.signal });
    await expect(token).rejects.toThrow();
  });
});

describe("basicAuthorization()", () => {
  it("encodes user and password as UTF-8", () => {
    expect(basicAuthorization({ username: "é", password: "p:w" })).toBe(
      `Basic ${Buffer.from("é:p:w").toString("base64")}`,
    );
  });

  it.each([undefined, {}, { username: "a" }, { password: "b" }, { username: "a", password: "" }])(
    "is nothing for %j",
    (credentials) => {
      expect(basicAuthorization(credentials)).toBeUndefined();
    },
  );
});
