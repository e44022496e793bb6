import { describe, expect, it } from "vitest";
import { type Authorizer, createAuthorizer } from "../../../src/registry/auth/authorizer.ts";
import type { CredentialSource, Credentials } from "../../../src/registry/credentials/credentials.ts";
import type { HttpRequest, HttpResponse, Send } from "../../../src/registry/http/send.ts";
import { countingSource, endpointOf } from "../support/guarded-registry.ts";
import { fetchSend, json, scriptedServer } from "../support/scripted-server.ts";

const ORIGIN = "https://registry.example";
const USER: Credentials = { username: "ann", password: "hunter2" };
const BASIC = `Basic ${btoa("ann:hunter2")}`;

const unreachable: Send = async ({ url }) => {
  throw new Error(`asked ${url}`);
};

function request(path = "/v2/a/manifests/1", extra: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "GET", url: `${ORIGIN}${path}`, ...extra };
}

async function untouched(): Promise<never> {
  throw new Error("the body belongs to the caller");
}

function refusal(challenge: string | readonly string[] | undefined, url = `${ORIGIN}/v2/`): HttpResponse {
  const body = { pipeTo: untouched, bytes: untouched, head: untouched, discard: untouched };
  return { status: 401, url, headers: { "www-authenticate": challenge }, body };
}

function authorizerFor(credentials: CredentialSource, origin = ORIGIN): Authorizer {
  return createAuthorizer({ endpoint: endpointOf(origin), credentials, send: unreachable });
}

describe("Authorizer.authorize()", () => {
  it("has nothing to say before the first challenge, and asks for no credentials", async () => {
    const source = countingSource(USER);
    const authorizer = authorizerFor(source);
    expect(await authorizer.authorize(request())).toBeUndefined();
    expect(source.hosts).toEqual([]);
  });

  it.each([
    "http://registry.example/v2/",
    "https://registry.example:8443/v2/",
    "https://registry.example.evil/v2/",
    "https://cdn.example/v2/",
    "https://registry.example@evil.example/v2/",
    "not a url",
  ])("gives nothing to %s, another origin", async (url) => {
    const authorizer = authorizerFor(countingSource(USER));
    await authorizer.challenged(request(), refusal('Basic realm="r"'));
    expect(await authorizer.authorize(request())).toBe(BASIC);
    expect(await authorizer.authorize({ method: "GET", url })).toBeUndefined();
  });

  it("counts the default port as the same origin", async () => {
    const authorizer = authorizerFor(countingSource(USER), `${ORIGIN}:443`);
    await authorizer.challenged(request(), refusal("Basic"));
    expect(await authorizer.authorize(request("/uploads/1?state=x"))).toBe(BASIC);
  });
});

describe("Authorizer.challenged()", () => {
  it("looks credentials up once, under the endpoint's credential host", async () => {
    const source = countingSource(USER);
    const endpoint = { ...endpointOf("https://registry-1.docker.io"), credentialHost: "docker.io" };
    const authorizer = createAuthorizer({ endpoint, credentials: source, send: unreachable });
    const to: HttpRequest = { method: "GET", url: "https://registry-1.docker.io/v2/" };
    await Promise.all([1, 2, 3].map(() => authorizer.challenged(to, refusal("Basic", to.url))));
    await authorizer.challenged(to, refusal("Basic", to.url));
    expect(source.hosts).toEqual(["docker.io"]);
  });

  it("asks again for credentials when the last lookup failed", async () => {
    let failures = 1;
    const credentials = async (): Promise<Credentials> => {
      if (failures-- > 0) throw new Error("locked");
      return USER;
    };
    const authorizer = authorizerFor(credentials);
    await expect(authorizer.challenged(request(), refusal("Basic"))).rejects.toThrow("locked");
    expect(await authorizer.challenged(request(), refusal("Basic"))).toBe(true);
  });

  it("gives up when the same Basic credentials were refused", async () => {
    const authorizer = authorizerFor(countingSource(USER));
    expect(await authorizer.challenged(request(), refusal("Basic"))).toBe(true);
    const headers = { authorization: BASIC };
    expect(await authorizer.challenged(request("/v2/", { headers }), refusal("Basic"))).toBe(false);
  });

  it.each<Credentials | undefined>([
    undefined,
    { username: "ann" },
    { password: "hunter2" },
    { identityToken: "hunter2" },
  ])("throws ErrUnauthenticated when Basic is wanted and there are %j", async (credentials) => {
    const authorizer = authorizerFor(countingSource(credentials));
    const answer: unknown = await authorizer
      .challenged(request(), refusal("Basic"))
      .catch((error: unknown) => error);
    expect(answer).toMatchObject({
      code: "ERR_UNAUTHENTICATED",
      endpoint: ORIGIN,
      message: "Authorize at registry.example: no basic auth credentials",
    });
    expect(JSON.stringify(answer)).not.toContain("hunter2");
  });

  it("sends a registry token as it is where Bearer is offered, and once only", async () => {
    const credentials = countingSource({ ...USER, registryToken: "ready" });
    const authorizer = authorizerFor(credentials);
    const challenge = refusal(['Basic realm="r"', 'Bearer realm="https://auth.example/token"']);
    expect(await authorizer.challenged(request(), challenge)).toBe(true);
    expect(await authorizer.authorize(request())).toBe("Bearer ready");
    const headers = { authorization: "Bearer ready" };
    expect(await authorizer.challenged(request("/v2/", { headers }), challenge)).toBe(false);
  });

  it.each(["Digest realm=x", "Negotiate"])("learns nothing from the challenge %j", async (challenge) => {
    const source = countingSource(USER);
    const authorizer = authorizerFor(source);
    expect(await authorizer.challenged(request(), refusal(challenge))).toBe(false);
    expect(await authorizer.authorize(request())).toBeUndefined();
    expect(source.hosts).toEqual([]);
  });

  it("learns nothing from an answer that came from elsewhere after a redirect", async () => {
    const source = countingSource(USER);
    const authorizer = authorizerFor(source);
    expect(await authorizer.challenged(request(), refusal("Basic", "https://cdn.example/blob"))).toBe(false);
    expect(source.hosts).toEqual([]);
  });

  it("refuses a realm over plain HTTP before anything is sent", async () => {
    const authorizer = authorizerFor(countingSource(USER));
    const challenged = authorizer.challenged(request(), refusal('Bearer realm="http://auth.example/token"'));
    await expect(challenged).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    expect(await authorizer.authorize(request())).toBeUndefined();
  });

  it("forgets the oldest set of scopes beyond 256", async () => {
    await using server = await scriptedServer((_request, response) => json(response, { token: "t" }));
    const endpoint = endpointOf(server.origin);
    const authorizer = createAuthorizer({
      endpoint,
      credentials: countingSource(undefined),
      send: fetchSend,
    });
    const asking = (index: number): HttpRequest => ({
      method: "GET",
      url: `${server.origin}/v2/`,
      scopes: [`repository:r${index}:pull`],
    });
    for (let index = 0; index <= 256; index++) {
      await authorizer.challenged(
        asking(index),
        refusal(`Bearer realm="${server.origin}/token"`, server.origin),
      );
    }
    expect(await authorizer.authorize(asking(0))).toBeUndefined();
    expect(await authorizer.authorize(asking(1))).toBe("Bearer t");
    expect(await authorizer.authorize(asking(256))).toBe("Bearer t");
  });
});
