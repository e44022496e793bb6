import { describe, expect, it } from "vitest";
import type { Clock } from "../../../src/async/clock.ts";
import { ErrUnavailable } from "../../../src/errors/classes.ts";
import { createAuthorizer } from "../../../src/registry/auth/authorizer.ts";
import { withAuth } from "../../../src/registry/auth/with-auth.ts";
import { anonymous, type CredentialSource } from "../../../src/registry/credentials/credentials.ts";
import type { HttpRequest, HttpResponse, Send } from "../../../src/registry/http/send.ts";
import { countingSource, type GuardedRegistry, guardedRegistry } from "../support/guarded-registry.ts";
import { fetchSend, json } from "../support/scripted-server.ts";

const USER = { username: "ann", password: "hunter2" };
const BASIC = btoa("ann:hunter2");

/** A clock that stands still until the test moves it. */
class HandClock implements Clock {
  nowMs = 0;
  now(): number {
    return this.nowMs;
  }
  elapsed(): number {
    return this.nowMs;
  }
  sleep(): Promise<void> {
    return Promise.reject(new Error("waited"));
  }
}

/** A registry that says 403 where ours says 401. */
const forbidding: Send = async (request) => ({ ...(await fetchSend(request)), status: 403 });

type ClientOptions = {
  readonly credentials?: CredentialSource;
  readonly clock?: Clock;
  readonly send?: Send;
};

function client(
  registry: GuardedRegistry,
  { credentials = anonymous, send = fetchSend, clock }: ClientOptions = {},
): Send {
  return withAuth(
    send,
    createAuthorizer({ endpoint: registry.endpoint, credentials, send: fetchSend, clock }),
  );
}

function get(
  registry: { readonly origin: string },
  repository = "a",
  extra: Partial<HttpRequest> = {},
): HttpRequest {
  const url = `${registry.origin}/v2/${repository}/manifests/1`;
  return { method: "GET", url, scopes: [`repository:${repository}:pull`], ...extra };
}

async function textOf(response: HttpResponse): Promise<string> {
  return `${response.status} ${new TextDecoder().decode(await response.body.bytes(1000))}`;
}

describe("withAuth()", () => {
  it("leaves a request alone that needs no authorization", async () => {
    await using registry = await guardedRegistry();
    registry.valid.add("");
    const credentials = countingSource(USER);
    expect(await textOf(await client(registry, { credentials })(get(registry)))).toBe("200 welcome");
    expect(registry.authorizations()).toEqual([undefined]);
    expect(credentials.hosts).toEqual([]);
  });

  it("fetches a token on a 401, sends the request again, and the token at once with the next one", async () => {
    await using registry = await guardedRegistry();
    const send = client(registry, { credentials: countingSource(USER) });
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    expect(registry.authorizations()).toEqual([undefined, "Bearer token-1", "Bearer token-1"]);
    const [asked] = registry.tokenRequests();
    expect(asked?.url.searchParams.getAll("scope")).toEqual(["repository:a:pull", "server"]);
    expect(asked?.headers.authorization).toBe(`Basic ${BASIC}`);
  });

  it("repeats method, headers and body as they were", async () => {
    await using registry = await guardedRegistry();
    const headers = { accept: "text/plain", "content-type": "application/json" };
    await client(registry)(get(registry, "a", { method: "PUT", headers, body: "{}" }));
    const puts = registry.seen.filter(({ method }) => method === "PUT");
    expect(puts).toHaveLength(2);
    for (const put of puts) expect(put).toMatchObject({ body: "{}", headers });
  });

  it("keeps one token per set of scopes, whatever their order", async () => {
    await using registry = await guardedRegistry();
    const send = client(registry);
    await send(get(registry, "a"));
    await send(get(registry, "b"));
    await send(get(registry, "a"));
    await send(get(registry, "a", { scopes: ["x", "y"] }));
    await send(get(registry, "a", { scopes: ["y", "x", "y"] }));
    expect(registry.authorizations()).toEqual([
      undefined,
      "Bearer token-1",
      undefined,
      "Bearer token-2",
      "Bearer token-1",
      undefined,
      "Bearer token-3",
      "Bearer token-3",
    ]);
  });

  it("replaces a token ten seconds before it expires, without another 401", async () => {
    await using registry = await guardedRegistry();
    const clock = new HandClock();
    const send = client(registry, { clock });
    await send(get(registry));
    clock.nowMs = 289_999;
    await send(get(registry));
    expect(registry.tokenRequests()).toHaveLength(1);
    clock.nowMs = 290_000;
    await send(get(registry));
    expect(registry.authorizations()).toEqual([
      undefined,
      "Bearer token-1",
      "Bearer token-1",
      "Bearer token-2",
    ]);
  });

  it("gets a new token when the registry refuses the one it had", async () => {
    await using registry = await guardedRegistry();
    const send = client(registry);
    await send(get(registry));
    registry.valid.clear();
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    expect(registry.authorizations()).toEqual([
      undefined,
      "Bearer token-1",
      "Bearer token-1",
      "Bearer token-2",
    ]);
  });

  it("asks for more when a later challenge wants other scopes", async () => {
    await using registry = await guardedRegistry({
      challenge: (origin, { headers }) =>
        `Bearer realm="${origin}/token",scope="${headers.authorization ? "wide" : "narrow"}"`,
    });
    const send = client(registry);
    await send(get(registry));
    registry.valid.clear();
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    const scopes = registry.tokenRequests().map(({ url }) => url.searchParams.getAll("scope"));
    expect(scopes).toEqual([
      ["narrow", "repository:a:pull"],
      ["repository:a:pull", "wide"],
    ]);
  });

  it("asks for the scope that a 403 says is missing", async () => {
    await using registry = await guardedRegistry();
    let wantsMore = false;
    const refusing: Send = async (request) => {
      const response = await fetchSend(request);
      if (!wantsMore || request.headers?.["authorization"] !== "Bearer token-1") return response;
      const more = `error="insufficient_scope",scope="repository:a:push"`;
      const headers = { "www-authenticate": `Bearer realm="${registry.origin}/token",${more}` };
      return { ...response, status: 403, headers };
    };
    const send = client(registry, { send: refusing });
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    wantsMore = true;
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    const scopes = registry.tokenRequests().map(({ url }) => url.searchParams.getAll("scope"));
    expect(scopes).toEqual([["repository:a:pull", "server"], ["repository:a:pull,push"]]);
  });

  it("gives the second 401 back as it is, and never tries a third time", async () => {
    await using registry = await guardedRegistry({
      token: (response) => json(response, { token: "useless" }),
    });
    const send = client(registry);
    expect(await textOf(await send(get(registry)))).toBe("401 who are you?");
    expect(registry.authorizations()).toEqual([undefined, "Bearer useless"]);
    expect(await textOf(await send(get(registry)))).toBe("401 who are you?");
    expect(registry.authorizations()).toHaveLength(4);
  });

  it("sends Basic at once with every later request", async () => {
    await using registry = await guardedRegistry({ challenge: () => 'Basic realm="r"' });
    registry.valid.add(BASIC);
    const send = client(registry, { credentials: countingSource(USER) });
    expect(await textOf(await send(get(registry, "a")))).toBe("200 welcome");
    expect(await textOf(await send(get(registry, "b")))).toBe("200 welcome");
    expect(registry.authorizations()).toEqual([undefined, `Basic ${BASIC}`, `Basic ${BASIC}`]);
  });

  it("prefers Bearer when both are offered, in whatever order", async () => {
    await using registry = await guardedRegistry({
      challenge: (origin) => ['Basic realm="r"', `Bearer realm="${origin}/token"`],
    });
    await client(registry, { credentials: countingSource(USER) })(get(registry));
    expect(registry.authorizations()).toEqual([undefined, "Bearer token-1"]);
  });

  it("changes from Bearer to Basic when the registry does", async () => {
    let basic = false;
    await using registry = await guardedRegistry({
      challenge: (origin) => (basic ? "Basic" : `Bearer realm="${origin}/token"`),
    });
    const send = client(registry, { credentials: countingSource(USER) });
    await send(get(registry));
    registry.valid.clear();
    registry.valid.add(BASIC);
    basic = true;
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    expect(registry.authorizations()).toEqual([
      undefined,
      "Bearer token-1",
      "Bearer token-1",
      `Basic ${BASIC}`,
    ]);
  });

  it("fetches one token for many requests at once, before and after it is refused", async () => {
    await using registry = await guardedRegistry();
    const send = client(registry, { credentials: countingSource(USER) });
    const many = async (): Promise<string[]> =>
      Promise.all(Array.from({ length: 20 }, async () => textOf(await send(get(registry)))));
    expect(await many()).toEqual(Array.from({ length: 20 }, () => "200 welcome"));
    expect(registry.tokenRequests()).toHaveLength(1);
    registry.valid.clear();
    expect(await many()).toEqual(Array.from({ length: 20 }, () => "200 welcome"));
    expect(registry.tokenRequests()).toHaveLength(2);
  });

  it("lets the shared fetch go on for the others when one caller leaves", async () => {
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
    const send = client(registry);
    const controller = new AbortController();
    const leaver = send(get(registry, "a", { signal: controller.signal }));
    await asked.promise;
    const stayer = send(get(registry));
    await new Promise((resolve) => setImmediate(resolve)); // the second request joins before the first one leaves
    controller.abort();
    await expect(leaver).rejects.toMatchObject({ code: "ERR_CANCELED" });
    answer.resolve();
    expect(await textOf(await stayer)).toBe("200 welcome");
    expect(registry.tokenRequests()).toHaveLength(1);
  });

  it("throws the token server's error, and learns its address anew the next time", async () => {
    let failures = 1;
    await using registry = await guardedRegistry({
      token: (response) => {
        registry.valid.add("good");
        if (failures-- > 0) json(response, { message: "later" }, 503);
        else json(response, { token: "good" });
      },
    });
    const send = client(registry);
    await expect(send(get(registry))).rejects.toMatchObject({ code: "ERR_UNAVAILABLE", retryable: true });
    expect(await textOf(await send(get(registry)))).toBe("200 welcome");
    expect(registry.authorizations()).toEqual([undefined, undefined, "Bearer good"]);
  });

  it("frees the answer's body when the challenge cannot be met", async () => {
    await using registry = await guardedRegistry({ challenge: () => "Basic" });
    let read = 0;
    const counting: Send = async (request) => {
      const response = await fetchSend(request);
      const head = async (maxBytes: number): Promise<Uint8Array> => {
        read++;
        return await response.body.head(maxBytes);
      };
      return { ...response, body: { ...response.body, head } };
    };
    const send = client(registry, { send: counting });
    await expect(send(get(registry))).rejects.toThrow("no basic auth credentials");
    expect(read).toBe(1);
  });

  it("keeps credentials from another origin, even one that asks for them", async () => {
    await using registry = await guardedRegistry({ challenge: () => "Basic" });
    await using stranger = await guardedRegistry({ challenge: () => "Basic" });
    registry.valid.add(BASIC);
    const send = client(registry, { credentials: countingSource(USER) });
    await send(get(registry));
    expect(await textOf(await send(get(stranger)))).toBe("401 who are you?");
    expect(stranger.authorizations()).toEqual([undefined]);
  });

  it("passes an answer other than 401 on as it is", async () => {
    await using registry = await guardedRegistry();
    const response = await client(registry, { send: forbidding })(get(registry));
    expect(await textOf(response)).toBe("403 who are you?");
    expect(registry.seen).toHaveLength(1);
  });
});

/** What was asked for, and how it came: `root`, `manifest` or `token`, and the scheme. */
function askedOf(registry: GuardedRegistry): readonly string[] {
  return registry.seen.map(({ url, headers }) => {
    const what = url.pathname === "/v2/" ? "root" : url.pathname === "/token" ? "token" : "manifest";
    return [what, ...(headers.authorization?.split(" ", 1) ?? [])].join(" ");
  });
}

/** A registry that gives manifests to everybody, whatever its root says. */
const openManifests: Send = async (request) => {
  const response = await fetchSend(request);
  return request.url.includes("/manifests/") ? { ...response, status: 200 } : response;
};

describe("withAuth() of a request that is needed in any case", () => {
  const needed = { rootFirst: true } as const;

  it("asks at the root what is asked for, and sends it once", async () => {
    await using registry = await guardedRegistry();
    const send = client(registry, { credentials: countingSource(USER) });
    expect(await textOf(await send(get(registry, "a", needed)))).toBe("200 welcome");
    expect(askedOf(registry)).toEqual(["root", "token Basic", "manifest Bearer"]);
    const scopes = registry.tokenRequests().map(({ url }) => url.searchParams.getAll("scope"));
    expect(scopes).toEqual([["repository:a:pull"]]); // the root's own is an example
  });

  it("asks the root once for all, and again after an hour", async () => {
    await using registry = await guardedRegistry();
    const clock = new HandClock();
    const send = client(registry, { clock });
    await Promise.all(["a", "b", "c"].map((repository) => send(get(registry, repository, needed))));
    clock.nowMs += 59 * 60_000;
    await send(get(registry, "d", needed));
    expect(askedOf(registry).filter((line) => line === "root")).toHaveLength(1);
    clock.nowMs += 2 * 60_000;
    await send(get(registry, "e", needed));
    await send(get(registry, "e", needed));
    expect(askedOf(registry).filter((line) => line === "root")).toHaveLength(2);
  });

  it.each([
    { ms: 30_000, roots: 1, answers: "401" },
    { ms: 120_000, roots: 2, answers: "200" },
  ])(
    "asks the root anew after a refusal that names nothing, when it was asked $ms ms ago: $roots times",
    async ({ ms, roots, answers }) => {
      await using registry = await guardedRegistry();
      const clock = new HandClock();
      let isOpen = true;
      const send: Send = async (request) => {
        const response = await fetchSend(request);
        if (request.url.endsWith("/v2/")) return isOpen ? { ...response, status: 200 } : response;
        return { ...response, headers: { ...response.headers, "www-authenticate": undefined } };
      };
      const guarded = client(registry, { clock, send });
      await guarded(get(registry, "a", needed)).catch(() => {});
      isOpen = false;
      clock.nowMs += ms;
      expect(await textOf(await guarded(get(registry, "b", needed)))).toContain(answers);
      expect(askedOf(registry).filter((line) => line === "root")).toHaveLength(roots);
    },
  );

  it("asks no root where it was told already what is asked for", async () => {
    await using registry = await guardedRegistry();
    const send = client(registry);
    await send(get(registry));
    await send(get(registry, "a", needed));
    expect(askedOf(registry)).toEqual(["manifest", "token", "manifest Bearer", "manifest Bearer"]);
  });

  it.each([200, 302, 403, 404, 429, 500, 503])(
    "goes by its own answer where the root says %i",
    async (status) => {
      await using registry = await guardedRegistry();
      const send: Send = async (request) => {
        const response = await fetchSend(request);
        return request.url.endsWith("/v2/") ? { ...response, status } : response;
      };
      expect(await textOf(await client(registry, { send })(get(registry, "a", needed)))).toBe("200 welcome");
      expect(askedOf(registry)).toEqual(["root", "manifest", "token", "manifest Bearer"]);
    },
  );

  it("goes out without where nobody has a password, and the root wants one", async () => {
    await using registry = await guardedRegistry({ challenge: () => 'Basic realm="x"' });
    registry.valid.add("");
    expect(await textOf(await client(registry)(get(registry, "a", needed)))).toBe("200 welcome");
    expect(registry.authorizations().at(-1)).toBeUndefined();
  });

  it.each([
    ["the token server refuses", 401],
    ["the token server is down", 503],
  ])("goes out without where %s", async (_, status) => {
    await using registry = await guardedRegistry({
      token: (response) => response.writeHead(status).end(),
      challenge: (origin) => `Bearer realm="${origin}/token"`,
    });
    const answer = await client(registry, { send: openManifests })(get(registry, "a", needed));
    expect(answer.status).toBe(200);
    expect(askedOf(registry)).toEqual(["root", "token", "manifest"]);
  });

  it("says why it could not follow the root when it is refused for the same, and asks nobody again", async () => {
    await using registry = await guardedRegistry({
      token: (response) => response.writeHead(401).end("wrong password"),
      challenge: (origin) => `Bearer realm="${origin}/token"`,
    });
    const send = client(registry, { credentials: countingSource(USER) });
    await expect(send(get(registry, "a", needed))).rejects.toThrow(/^Fetch token from .*: got status 401$/);
    expect(askedOf(registry)).toEqual(["root", "token Basic", "manifest"]);
  });

  it("asks again, when it was refused before and is good now", async () => {
    let isDown = true;
    await using registry = await guardedRegistry({
      token: (response) => (isDown ? response.writeHead(401).end() : json(response, { token: "good" })),
      challenge: (origin) => `Bearer realm="${origin}/token"`,
    });
    registry.valid.add("").add("good");
    const clock = new HandClock();
    const send = client(registry, { clock });
    expect(await textOf(await send(get(registry, "a", needed)))).toBe("200 welcome");
    registry.valid.delete("");
    isDown = false;
    clock.nowMs += 5_000;
    expect(await textOf(await send(get(registry, "a", needed)))).toBe("200 welcome");
  });

  it("asks a source of credentials that fails once, and throws its error", async () => {
    await using registry = await guardedRegistry();
    let asked = 0;
    const credentials: CredentialSource = async () => {
      asked++;
      throw new Error("vault sealed");
    };
    await expect(client(registry, { credentials })(get(registry, "a", needed))).rejects.toThrow(
      /vault sealed$/,
    );
    expect(asked).toBe(1);
  });

  it("does what its own answer asks for where that is something else", async () => {
    await using registry = await guardedRegistry({
      challenge: (origin, { url }) =>
        url.pathname === "/v2/" ? 'Basic realm="x"' : `Bearer realm="${origin}/token"`,
    });
    expect(await textOf(await client(registry)(get(registry, "a", needed)))).toBe("200 welcome");
    expect(askedOf(registry)).toEqual(["root", "manifest", "token", "manifest Bearer"]);
  });

  it("fails with the endpoint when the root cannot be reached, and asks again the next time", async () => {
    await using registry = await guardedRegistry();
    const reached: string[] = [];
    const send: Send = async (request) => {
      reached.push(new URL(request.url).pathname);
      if (reached.length === 1) throw new ErrUnavailable("connection refused");
      return await fetchSend(request);
    };
    const sending = client(registry, { send });
    await expect(sending(get(registry, "a", needed))).rejects.toThrow("connection refused");
    expect(await textOf(await sending(get(registry, "a", needed)))).toBe("200 welcome");
    expect(reached).toEqual(["/v2/", "/v2/", "/v2/a/manifests/1"]);
  });
});
