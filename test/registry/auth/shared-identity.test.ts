import { describe, expect, it } from "vitest";
import { asReason } from "../../../src/async/wait-reason.ts";
import type { Waiter } from "../../../src/async/waiting.ts";
import { errorFromResponse } from "../../../src/registry/answers/error-response.ts";
import { withAuth } from "../../../src/registry/auth/with-auth.ts";
import type { CredentialSource, Credentials } from "../../../src/registry/credentials/credentials.ts";
import type { Endpoint } from "../../../src/registry/endpoints/endpoint.ts";
import type { HttpRequest, HttpResponse, Send } from "../../../src/registry/http/send.ts";
import { Identities, type IdentityOptions } from "../../../src/registry/identities.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { countingSource, endpointOf, guardedRegistry } from "../support/guarded-registry.ts";
import { fetchSend, json, scriptedServer } from "../support/scripted-server.ts";

const USER: Credentials = { username: "ann", password: "hunter2" };

/** An engine that shares identities, with operations at one endpoint. */
function engineFor(endpoint: Endpoint, credentials: CredentialSource = async () => undefined) {
  const clock = new FakeClock();
  const identities = new Identities({ credentials, send: fetchSend, clock });
  const operation = (options?: IdentityOptions, at = endpoint): Send =>
    withAuth(fetchSend, identities.at(at, options).authorizer);
  return { clock, identities, operation };
}

function get({ baseUrl }: Endpoint, repository = "a", extra: Partial<HttpRequest> = {}): HttpRequest {
  const url = `${baseUrl}/${repository}/manifests/1`;
  return { method: "GET", url, scopes: [`repository:${repository}:pull`], ...extra };
}

async function textOf(response: HttpResponse): Promise<string> {
  return `${response.status} ${new TextDecoder().decode(await response.body.bytes(1000))}`;
}

/** A registry that takes Basic alone, of the accounts that are in `valid` in base64. */
function basicRegistry() {
  return guardedRegistry({ challenge: () => 'Basic realm="r"' });
}

function basicOf({ username, password }: Credentials): string {
  return btoa(`${username}:${password}`);
}

/** Answers `status` to strangers; the challenge is at the API root only, with an example of a scope. */
async function hidingRegistry(status: number) {
  const server = await scriptedServer(({ url, headers: { authorization } }, response) => {
    if (url.pathname === "/token") return json(response, { token: "t" });
    if (authorization === "Bearer t") return response.end("welcome");
    if (url.pathname !== "/v2/") return response.writeHead(status).end("nothing here");
    const scope = `scope="repository:user/image:pull"`;
    return response
      .writeHead(401, { "www-authenticate": `Bearer realm="${server.origin}/token",${scope}` })
      .end();
  });
  return server;
}

describe("operations of one identity", () => {
  it("share one credential call and one token, side by side and one after another", async () => {
    await using registry = await guardedRegistry();
    const source = countingSource(USER);
    const { operation } = engineFor(registry.endpoint, source);
    const many = Array.from({ length: 20 }, async () => textOf(await operation()(get(registry.endpoint))));
    expect(new Set(await Promise.all(many))).toEqual(new Set(["200 welcome"]));
    await operation()(get(registry.endpoint));
    expect(registry.authorizations().at(-1)).toBe("Bearer token-1");
    expect(registry.tokenRequests()).toHaveLength(1);
    expect(source.hosts).toHaveLength(1);
  });

  it("refresh a token once for all when it has expired", async () => {
    await using registry = await guardedRegistry();
    const { clock, operation } = engineFor(registry.endpoint, countingSource(USER));
    await operation()(get(registry.endpoint));
    clock.advance(290_000);
    await Promise.all(Array.from({ length: 20 }, () => operation()(get(registry.endpoint))));
    expect(registry.tokenRequests()).toHaveLength(2);
  });

  it("are not misled by a time of day that somebody sets", async () => {
    await using registry = await guardedRegistry();
    const { clock, operation } = engineFor(registry.endpoint, countingSource(USER));
    await operation()(get(registry.endpoint));
    clock.set(clock.now() + 86_400_000);
    await operation()(get(registry.endpoint));
    expect(registry.tokenRequests()).toHaveLength(1);
    clock.set(0);
    clock.advance(290_000);
    await operation()(get(registry.endpoint));
    expect(registry.tokenRequests()).toHaveLength(2);
  });

  it("ask the source of credentials again after a minute, and follow when somebody else is logged in", async () => {
    await using registry = await guardedRegistry();
    let user = "ann";
    const { clock, operation } = engineFor(registry.endpoint, async () => ({
      username: user,
      password: "x",
    }));
    const accounts = () => registry.tokenRequests().map(({ url }) => url.searchParams.get("account"));
    const old = operation();
    await old(get(registry.endpoint));
    user = "bob";
    clock.advance(59_999);
    await operation()(get(registry.endpoint));
    expect(accounts()).toEqual(["ann"]);
    clock.advance(1);
    await operation()(get(registry.endpoint));
    expect(accounts()).toEqual(["ann", "bob"]);
    expect(registry.authorizations().at(-1)).toBe("Bearer token-2");
  });

  it("ask again at once when a token server refuses credentials that it took before", async () => {
    let password = "old";
    await using registry = await guardedRegistry({
      token: (response, { headers }) => {
        if (headers.authorization !== `Basic ${basicOf({ username: "ann", password })}`)
          return json(response, { message: "who?" }, 401);
        registry.valid.add(`token-of-${password}`);
        return json(response, { token: `token-of-${password}` });
      },
    });
    const { operation } = engineFor(registry.endpoint, async () => ({ username: "ann", password }));
    await operation()(get(registry.endpoint, "a"));
    password = "new";
    registry.valid.clear();
    expect(await textOf(await operation()(get(registry.endpoint, "a")))).toBe("200 welcome");
    expect(await textOf(await operation()(get(registry.endpoint, "b")))).toBe("200 welcome");
    expect(registry.tokenRequests()).toHaveLength(4); // old, old refused, new, new for b
  });

  it("ask once for credentials that are simply wrong, and anew with the next operation", async () => {
    await using registry = await guardedRegistry({
      token: (response) => json(response, { message: "no" }, 401),
    });
    const source = countingSource(USER);
    const { operation } = engineFor(registry.endpoint, source);
    await expect(operation()(get(registry.endpoint))).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    expect(source.hosts).toHaveLength(1);
    await expect(operation()(get(registry.endpoint))).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" });
    expect(source.hosts).toHaveLength(2);
    expect(registry.tokenRequests()).toHaveLength(2);
  });

  it.each([401, 403, 400])("renew Basic credentials that the registry refuses with %i", async (status) => {
    let password = "old";
    await using registry = await scriptedServer(({ headers: { authorization = "" } }, response) => {
      if (authorization === `Basic ${basicOf({ username: "ann", password })}`) return response.end("welcome");
      const challenge = { "www-authenticate": 'Basic realm="r"' };
      const bare = authorization !== "" && status !== 401;
      return response.writeHead(bare ? status : 401, bare ? {} : challenge).end("expired");
    });
    const endpoint = endpointOf(registry.origin);
    const { clock, operation } = engineFor(endpoint, async () => ({ username: "ann", password }));
    await operation()(get(endpoint));
    password = "new";
    clock.advance(1_000);
    expect(await textOf(await operation()(get(endpoint)))).toBe("200 welcome");
  });

  it("renew a token once that the registry refuses with a bare 403, and give the second one back", async () => {
    await using registry = await scriptedServer(({ url, headers: { authorization } }, response) => {
      if (url.pathname === "/token") return json(response, { token: "t" });
      const realm = `Bearer realm="${registry.origin}/token"`;
      return authorization
        ? response.writeHead(403).end("denied")
        : response.writeHead(401, { "www-authenticate": realm }).end();
    });
    const endpoint = endpointOf(registry.origin);
    const { clock, operation } = engineFor(endpoint);
    expect(await textOf(await operation()(get(endpoint)))).toBe("403 denied");
    expect(registry.seen).toHaveLength(3);
    clock.advance(1_000);
    expect(await textOf(await operation()(get(endpoint)))).toBe("403 denied");
    expect(registry.seen.slice(3).map(({ url }) => url.pathname.split("/")[1])).toEqual([
      "v2",
      "token",
      "v2",
    ]);
  });

  it("leave a slow token server alone, each at once, and abort the request with the last one", async () => {
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    await using registry = await guardedRegistry({
      token: (response) => {
        asked.resolve();
        response.on("close", closed.resolve);
      },
    });
    const { operation } = engineFor(registry.endpoint);
    const [one, two] = [new AbortController(), new AbortController()];
    const first = operation()(get(registry.endpoint, "a", { signal: one.signal }));
    const second = operation()(get(registry.endpoint, "a", { signal: two.signal }));
    await asked.promise;
    one.abort();
    await expect(first).rejects.toMatchObject({ code: "ERR_CANCELED" });
    two.abort();
    await expect(second).rejects.toMatchObject({ code: "ERR_CANCELED" });
    await closed.promise;
    expect(registry.tokenRequests()).toHaveLength(1);
  });

  it("give back what they hold when a token server is slow, and tell so", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    await using registry = await guardedRegistry({
      token: async (response) => {
        asked.resolve();
        await answer.promise;
        registry.valid.add("late");
        json(response, { token: "late" });
      },
    });
    const { clock, operation } = engineFor(registry.endpoint);
    const reasons: string[] = [];
    const waiting = Promise.withResolvers<void>();
    const waiter: Waiter = {
      async wait(reason, work) {
        reasons.push(asReason(reason).words);
        waiting.resolve();
        return await work(undefined);
      },
    };
    const outcome = operation()(get(registry.endpoint, "a", { waiter }));
    await asked.promise;
    expect(reasons).toEqual([]);
    clock.advance(1_000);
    await waiting.promise;
    expect(reasons).toEqual([`Waiting for authorization by ${new URL(registry.endpoint.baseUrl).host}`]);
    answer.resolve();
    expect(await textOf(await outcome)).toBe("200 welcome");
    await operation()(get(registry.endpoint, "a", { waiter }));
    expect(reasons).toHaveLength(1);
  });

  it("share an identity that forgets the least recently used beyond 256", async () => {
    const { identities } = engineFor(endpointOf("https://r.example"));
    const first = identities.at(endpointOf("https://r0.example"));
    for (let index = 1; index < 256; index++) identities.at(endpointOf(`https://r${index}.example`));
    expect(identities.at(endpointOf("https://r0.example"))).toBe(first);
    identities.at(endpointOf("https://r256.example"));
    expect(identities.at(endpointOf("https://r0.example"))).toBe(first);
  });
});

/** Credentials that tell what they were asked for. */
const asIsAsked: CredentialSource = async (_host, { repository, purpose } = {}) => ({
  username: `${repository}`,
  password: `${purpose}`,
});

describe("a source of credentials", () => {
  it("is told the host, the repository, the purpose and the challenge", async () => {
    await using registry = await guardedRegistry();
    const told: unknown[] = [];
    const { operation } = engineFor(
      registry.endpoint,
      async (host, { repository, purpose, challenge } = {}) => {
        told.push({ host, repository, purpose, challenge });
        return USER;
      },
    );
    await operation({ repository: "a", purpose: "pull" })(get(registry.endpoint));
    const parameters = new Map([
      ["realm", `${registry.origin}/token`],
      ["service", "test"],
      ["scope", "server"],
    ]);
    const challenge = { scheme: "bearer", parameters };
    const host = registry.endpoint.credentialHost;
    expect(told).toEqual([{ host, repository: "a", purpose: "pull", challenge }]);
  });

  it("may answer by repository and purpose, and is asked for each of them", async () => {
    await using registry = await guardedRegistry({ challenge: () => 'Basic realm="r"' });
    const { operation } = engineFor(registry.endpoint, asIsAsked);
    const answers = [
      { repository: "a", purpose: "pull" },
      { repository: "b", purpose: "pull" },
      { repository: "a", purpose: "push" },
    ] as const;
    for (const { repository, purpose } of answers) {
      registry.valid.add(basicOf({ username: repository, password: purpose }));
      expect(await textOf(await operation({ repository, purpose })(get(registry.endpoint)))).toBe(
        "200 welcome",
      );
      registry.valid.clear();
    }
  });

  it("that is stored is asked once for pulls and pushes of a repository", async () => {
    await using registry = await guardedRegistry();
    const source = Object.assign(countingSource(USER), { stored: true } as const);
    const { operation } = engineFor(registry.endpoint, source);
    for (const purpose of ["pull", "push"] as const) {
      await operation({ repository: "a", purpose })(get(registry.endpoint));
    }
    expect(source.hosts).toHaveLength(1);
    expect(registry.tokenRequests()).toHaveLength(1);
  });
});

describe("operations of different identities", () => {
  const endpoint: Endpoint = endpointOf("https://r.example");
  const others: ReadonlyArray<readonly [string, IdentityOptions, Endpoint?]> = [
    ["other credentials", { auth: { username: "bob", password: "hunter2" } }],
    ["a token in place of a password", { auth: { identityToken: "hunter2" } }],
    ["meta headers", { metaHeaders: { "X-Meta-Who": "me" } }],
    ["a client certificate", {}, { ...endpoint, tls: { cert: "C", key: "K" } }],
    ["another authority", {}, { ...endpoint, tls: { ca: ["CA"] } }],
    ["an unchecked certificate", {}, { ...endpoint, tls: { skipVerify: true } }],
    ["other headers", {}, { ...endpoint, headers: { "x-key": "1" } }],
    ["another path", {}, { ...endpoint, baseUrl: "https://r.example/hub/v2" }],
    ["plain HTTP", {}, { ...endpoint, baseUrl: "http://r.example/v2" }],
    ["a mirror's credentials", {}, { ...endpoint, mirror: true }],
    ["another repository", { repository: "other" }],
    ["another purpose", { purpose: "push" }],
    ["the configured credentials", {}],
  ];

  it("are kept apart", () => {
    const { identities } = engineFor(endpoint);
    const keys = others.map(([, options, at = endpoint]) => identities.at(at, options).key);
    const given = identities.at(endpoint, { auth: USER }).key;
    expect(new Set([...keys, given]).size).toBe(others.length + 1);
    expect(identities.at(endpoint, { auth: { ...USER } }).key).toBe(given);
    expect([...keys, given].join()).not.toMatch(/hunter2|ann|bob/);
  });

  it("are one whatever the spelling and order of header names", () => {
    const { identities } = engineFor(endpoint);
    const { key } = identities.at(endpoint, { metaHeaders: { "X-Meta-A": "1", "X-Meta-B": "2" } });
    expect(identities.at(endpoint, { metaHeaders: { "x-meta-b": "2", "x-meta-a": "1" } }).key).toBe(key);
  });

  it("never give a mirror what one operation brought for the registry", () => {
    const { identities } = engineFor(endpoint);
    const mirror = { ...endpoint, mirror: true };
    expect(identities.at(mirror, { auth: USER })).toBe(identities.at(mirror));
  });

  it("have tokens of their own", async () => {
    await using registry = await guardedRegistry();
    const { operation } = engineFor(registry.endpoint, countingSource(USER));
    const bob = { username: "bob", password: "b" };
    for (const options of [{}, { auth: bob }, {}, { auth: { ...bob } }, { auth: { identityToken: "id" } }]) {
      await operation(options)(get(registry.endpoint));
    }
    const tokens = registry.authorizations().filter((header) => header !== undefined);
    expect(tokens).toEqual(["token-1", "token-2", "token-1", "token-2", "token-3"].map((t) => `Bearer ${t}`));
  });
});

describe("a registry that hides what is private", () => {
  it.each([404, 403, 401])("is logged in to when it answers %i to strangers", async (status) => {
    await using registry = await hidingRegistry(status);
    const endpoint = endpointOf(registry.origin);
    const { operation } = engineFor(endpoint, countingSource(USER));
    expect(await textOf(await operation()(get(endpoint, "a")))).toBe("200 welcome");
    expect(await textOf(await operation()(get(endpoint, "b")))).toBe("200 welcome");
    const paths = registry.seen.map(({ url }) => url.pathname);
    expect(paths.filter((path) => path === "/v2/")).toHaveLength(1);
    const scopes = registry.seen.flatMap(({ url }) => url.searchParams.getAll("scope"));
    expect(scopes).toEqual(["repository:a:pull", "repository:b:pull"]);
  });

  it("is not asked for its challenge without credentials", async () => {
    await using registry = await hidingRegistry(404);
    const endpoint = endpointOf(registry.origin);
    const { operation } = engineFor(endpoint);
    expect(await textOf(await operation()(get(endpoint)))).toBe("404 nothing here");
    expect(registry.seen).toHaveLength(1);
  });

  it("has the last word when logging in changes nothing, or cannot be done", async () => {
    await using registry = await scriptedServer((_request, response) => response.writeHead(404).end("none"));
    const endpoint = endpointOf(registry.origin);
    const { operation } = engineFor(endpoint, countingSource(USER));
    for (let time = 0; time < 3; time++) {
      expect(await textOf(await operation()(get(endpoint)))).toBe("404 none");
    }
    expect(registry.seen).toHaveLength(4); // the API root is asked once
  });

  it("has the last word when the source of credentials fails, with the reason behind it", async () => {
    await using registry = await hidingRegistry(404);
    const endpoint = endpointOf(registry.origin);
    const { operation } = engineFor(endpoint, async () => {
      throw new Error("vault sealed");
    });
    const request = get(endpoint);
    const error = await errorFromResponse(request, await operation()(request));
    expect(error).toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(error.message).toMatch(/nothing here; asked as anonymous: .*vault sealed$/);
  });
});

describe("several challenges", () => {
  it("are answered by Basic when the realm of Bearer must not be used", async () => {
    await using registry = await guardedRegistry({
      challenge: () => ['Bearer realm="http://auth.invalid/token"', 'Basic realm="r"'],
    });
    registry.valid.add(basicOf(USER));
    const { operation } = engineFor(registry.endpoint, countingSource(USER));
    expect(await textOf(await operation()(get(registry.endpoint)))).toBe("200 welcome");
  });

  it("are answered by the next one when a token server refuses for good", async () => {
    await using registry = await guardedRegistry({
      challenge: (origin) => `Basic realm="r", Bearer realm="${origin}/gone", Bearer realm="${origin}/token"`,
    });
    const { operation } = engineFor(registry.endpoint, countingSource(USER));
    // The first realm is the registry itself, which says 401; the second one gives a token.
    expect(await textOf(await operation()(get(registry.endpoint)))).toBe("200 welcome");
    expect(registry.tokenRequests()).toHaveLength(1);
  });

  it("fail with the first one's reason when none can be met", async () => {
    await using registry = await guardedRegistry({
      challenge: () => ['Bearer realm="http://auth.invalid/token"', 'Basic realm="r"'],
    });
    const { operation } = engineFor(registry.endpoint);
    await expect(operation()(get(registry.endpoint))).rejects.toThrow("got plain HTTP realm");
  });

  it("let the registry speak when it wants Basic of somebody who came with a token", async () => {
    await using registry = await guardedRegistry({
      challenge: (origin, { headers }) =>
        headers.authorization ? "Basic" : `Bearer realm="${origin}/token"`,
      token: (response) => json(response, { token: "empty" }),
    });
    const { operation } = engineFor(registry.endpoint);
    await operation()(get(registry.endpoint));
    expect(await textOf(await operation()(get(registry.endpoint)))).toBe("401 who are you?");
  });
});

describe("credentials that cannot be found", () => {
  it("are an error of the endpoint, with a class", async () => {
    await using registry = await basicRegistry();
    const cause = new Error("vault sealed");
    const { operation } = engineFor(registry.endpoint, async () => {
      throw cause;
    });
    await expect(operation()(get(registry.endpoint))).rejects.toMatchObject({
      code: "ERR_FAILED_PRECONDITION",
      endpoint: registry.origin,
      message: `Look up credentials for ${new URL(registry.origin).host}: vault sealed`,
      cause,
    });
  });
});
