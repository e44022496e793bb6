import { afterEach, describe, expect, it } from "vitest";
import { type Login, type LoginOptions, logIn } from "../../src/index.ts";
import { TestRegistry } from "../../src/testing.ts";
import { scriptedServer } from "../registry/support/scripted-server.ts";
import { failureOf } from "./support/engine.ts";

const ANN = { username: "ann", password: "s3cret" };
const BOB = { username: "bob", password: "s3cret" };

let open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
  open = [];
});

async function registryWith(options: Parameters<typeof TestRegistry.start>[0]): Promise<TestRegistry> {
  const registry = await TestRegistry.start(options);
  open.push(registry);
  return registry;
}

function logInAt({ host }: { readonly host: string }, options: Partial<LoginOptions> = {}): Promise<Login> {
  return logIn(host, { credentials: ANN, registry: { plainHttp: true }, ...options });
}

describe("logIn()", () => {
  it("has a registry that wants Basic look at the credentials", async () => {
    const registry = await registryWith({ auth: { basic: ANN } });
    expect(await logInAt(registry)).toEqual({ host: registry.host, credentials: ANN, checked: true });
    expect(await failureOf(logInAt(registry, { credentials: BOB }))).toMatchObject({
      code: "ERR_UNAUTHENTICATED",
      endpoint: registry.url,
    });
  });

  it("takes the token that a token server gives in the place of the password", async () => {
    const registry = await registryWith({ auth: { bearer: ANN } });
    const login = await logInAt(registry);
    expect(login).toMatchObject({ host: registry.host, checked: true });
    expect(login.credentials).toEqual({ username: "ann", identityToken: expect.stringMatching(/^\w{32}$/) });
    expect(await failureOf(logInAt(registry, { credentials: BOB }))).toMatchObject({
      code: "ERR_UNAUTHENTICATED",
    });
  });

  it("asks a token server for no scope, although the registry names one as an example", async () => {
    const server = await scriptedServer(({ url, headers }, response) => {
      if (url.pathname === "/token") return response.end(JSON.stringify({ token: "t" }));
      if (headers.authorization === "Bearer t") return response.end();
      const challenge = `Bearer realm="${server.origin}/token",service="s",scope="repository:user/image:pull"`;
      return response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    open.push(server);
    const { host } = new URL(server.origin);
    expect(await logInAt({ host })).toEqual({ host, credentials: ANN, checked: true });
    const token = server.seen.find(({ url }) => url.pathname === "/token");
    expect(token?.url.searchParams.toString()).toBe(
      "account=ann&service=s&offline_token=true&client_id=drayage",
    );
  });

  it("tries Basic when the token server does not do", async () => {
    const server = await scriptedServer(({ headers }, response) => {
      if (headers.authorization === `Basic ${btoa("ann:s3cret")}`) return response.end();
      const challenges = [`Bearer realm="http://127.0.0.1:1/token"`, 'Basic realm="r"'];
      return response.writeHead(401, { "www-authenticate": challenges }).end();
    });
    open.push(server);
    expect(await logInAt({ host: new URL(server.origin).host })).toMatchObject({ checked: true });
  });

  it("says when nobody has looked at the credentials", async () => {
    const registry = await registryWith({});
    expect(await logInAt(registry)).toEqual({ host: registry.host, credentials: ANN, checked: false });
  });

  it("does not take what is no registry for one", async () => {
    const server = await scriptedServer((_, response) => response.writeHead(404).end("a web site"));
    open.push(server);
    expect(await failureOf(logInAt({ host: new URL(server.origin).host }))).toMatchObject({
      code: "ERR_NOT_FOUND",
    });
  });

  it("gives the credentials to no host that a registry redirects to", async () => {
    const other = await scriptedServer((_, response) =>
      response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end(),
    );
    const server = await scriptedServer((_, response) =>
      response.writeHead(307, { location: `${other.origin}/v2/` }).end(),
    );
    open.push(other, server);
    await failureOf(logInAt({ host: new URL(server.origin).host }));
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it.each([
    ["https://HOST/v1/", "HOST"],
    ["http://HOST", "HOST"],
    ["HOST/v2/", "HOST"],
  ])("knows a server however it is written: %s", async (written) => {
    const registry = await registryWith({});
    const { host } = await logInAt({ host: written.replace("HOST", registry.host) });
    expect(host).toBe(registry.host);
  });

  it.each<[server: string, reason: RegExp]>([
    ["r.example/team", /got the namespace "team", wanted a host alone/],
    ["", /invalid host/],
    ["a b", /invalid host/],
    ["ann:s3cret@r.example", /user name and password are not allowed/],
  ])("refuses %j", async (host, reason) => {
    const error = await failureOf(logInAt({ host }));
    expect(error).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect(error.message).toMatch(reason);
    expect(error.message).not.toContain("s3cret");
  });

  it("checks its options and heeds its signal", async () => {
    const registry = await registryWith({});
    expect(await failureOf(logIn(registry.host, {} as LoginOptions))).toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
    });
    expect(await failureOf(logInAt(registry, { signal: AbortSignal.abort() }))).toMatchObject({
      code: "ERR_CANCELED",
    });
  });
});
