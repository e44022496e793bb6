import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { type BearerOptions, TestRegistry, type TokenClaims } from "../../src/testing.ts";
import { type CountingProxy, startCountingProxy } from "./support/counting-proxy.ts";
import { describeReal } from "./support/describe-real.ts";
import { ACCOUNT } from "./support/docker-registry.ts";
import { type DrayageOutcome, drayage } from "./support/drayage.ts";
import { type MadeImage, writeImage } from "./support/images.ts";
import { partOutcome } from "./support/run-part.ts";
import { ISSUER, type TokenSigner, tokenSigner } from "./support/signed-tokens.ts";
import { type Stage, startStage } from "./support/stage.ts";
import { type SimpleTokenServer, startTokenServer, type TokenLife } from "./support/token-server.ts";

const SERVICE = "drayage-real";

/** docker-registry goes on to take a token for so long behind its end, in milliseconds, because clocks differ. */
const REGISTRY_LEEWAY_MS = 60_000;

/** How long the first token is good, in milliseconds: as short as a slow machine can use it. */
const FIRST_TOKEN_MS = 3_000;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "drayage-home-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** The environment of a user whose home is `home`. */
function userEnv(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const config = join(home, ".config");
  return { HOME: home, XDG_RUNTIME_DIR: join(home, "run"), XDG_CONFIG_HOME: config, ...more };
}

function run(args: readonly string[], input?: string): Promise<DrayageOutcome> {
  return drayage(args, { env: userEnv(), input });
}

function login(host: string, password = ACCOUNT.password): Promise<DrayageOutcome> {
  const options = ["--plain-http", "-u", ACCOUNT.username, "--password-stdin"];
  return run(["login", ...options, host], password);
}

async function skopeo(args: readonly string[], input?: string): Promise<number | null> {
  const { status } = await partOutcome("skopeo", ["--insecure-policy", ...args], { env: userEnv(), input });
  return status;
}

/** What drayage and skopeo make of the same files at the same registry: exit statuses. */
async function bothPull(stage: Stage, name: string): Promise<readonly (number | null)[]> {
  const [root, copy] = await Promise.all([stage.newRoot(), stage.newRoot()]);
  const ours = run(["pull", "-q", "--plain-http", "--root", root, name]);
  const theirs = skopeo(["copy", "--src-tls-verify=false", `docker://${name}`, `oci:${copy}:copy`]);
  return [(await ours).status, await theirs];
}

async function bothPush(stage: Stage, name: string): Promise<readonly (number | null)[]> {
  const root = await stage.newRoot();
  const source = `oci:${stage.layout}:pushed`;
  const theirs = skopeo(["copy", "--dest-tls-verify=false", source, `docker://${name}-by-skopeo`]);
  expect(await run(["import", "--root", root, stage.layout, "local:v1"])).toMatchObject({ status: 0 });
  const { status } = await run(["push", "-q", "--plain-http", "--root", root, "local:v1", name]);
  return [status, await theirs];
}

describeReal("logins at a registry with passwords", ["docker-registry", "skopeo"], () => {
  let stage: Stage;
  let image: MadeImage;

  beforeAll(async () => {
    stage = await startStage({ auth: true });
    image = await writeImage(stage.layout, { layers: [{ bytes: 1_000 }] });
    await stage.push("team/app", image.manifest);
  });
  afterAll(() => stage.close());

  it("by drayage serve drayage and skopeo, until it logs out", async () => {
    const name = stage.nameOf("team/app");
    expect(await bothPull(stage, name)).toEqual([1, 1]);
    expect(await login(stage.registry.host)).toMatchObject({ status: 0, stdout: "Login Succeeded\n" });
    expect(await bothPull(stage, name)).toEqual([0, 0]);
    expect(await bothPush(stage, stage.nameOf("team/pushed"))).toEqual([0, 0]);
    expect(await run(["logout", stage.registry.host])).toMatchObject({ status: 0 });
    expect(await bothPull(stage, name)).toEqual([1, 1]);
  });

  it("with a wrong password are refused by both, and nothing is kept", async () => {
    const { host } = stage.registry;
    expect(await login(host, "wrong")).toMatchObject({ status: 1, stdout: "" });
    const options = ["--tls-verify=false", "-u", ACCOUNT.username, "-p", "wrong"];
    expect(await skopeo(["login", ...options, host])).toBe(1);
    await expect(readFile(join(home, ".docker", "config.json"))).rejects.toThrow("ENOENT");
  });

  it("by skopeo serve drayage", async () => {
    const { host } = stage.registry;
    await mkdir(join(home, "run"));
    const options = ["--tls-verify=false", "-u", ACCOUNT.username, "--password-stdin"];
    expect(await skopeo(["login", ...options, host], ACCOUNT.password)).toBe(0);
    expect(await bothPull(stage, stage.nameOf("team/app"))).toEqual([0, 0]);
    expect(await skopeo(["logout", host])).toBe(0);
    expect(await bothPull(stage, stage.nameOf("team/app"))).toEqual([1, 1]);
  });

  /** Entries that let somebody in, and those that do not. */
  const good = { auth: btoa(`${ACCOUNT.username}:${ACCOUNT.password}`) };
  const bad = { auth: btoa("nobody:wrong") };
  const RUNTIME = "run/containers/auth.json";
  const CONFIG = ".config/containers/auth.json";
  const DOCKER = ".docker/config.json";

  it.each<[string, Readonly<Record<string, unknown>>, drayage: number, skopeo: number]>([
    ["no file", {}, 1, 1],
    ["podman's file of this session", { [RUNTIME]: { auths: { HOST: good } } }, 0, 0],
    ["podman's file of the user", { [CONFIG]: { auths: { HOST: good } } }, 0, 0],
    ["docker's file", { [DOCKER]: { auths: { HOST: good } } }, 0, 0],
    ["docker's old file", { ".dockercfg": { HOST: good } }, 0, 0],
    [
      "the first of several files",
      { [RUNTIME]: { auths: { HOST: bad } }, [DOCKER]: { auths: { HOST: good } } },
      1,
      1,
    ],
    [
      "the next where the first has another host",
      { [RUNTIME]: { auths: { other: bad } }, [DOCKER]: { auths: { HOST: good } } },
      0,
      0,
    ],
    ["the longest namespace", { [CONFIG]: { auths: { HOST: bad, "HOST/team": good } } }, 0, 0],
    [
      "the longest namespace, which is wrong",
      { [CONFIG]: { auths: { HOST: good, "HOST/team/app": bad } } },
      1,
      1,
    ],
    ["no namespace that only begins alike", { [CONFIG]: { auths: { "HOST/te": good } } }, 1, 1],
    ["an address with scheme and path", { [DOCKER]: { auths: { "http://HOST/v1/": good } } }, 0, 0],
    [
      "no entry that is empty",
      { [CONFIG]: { auths: { HOST: {} } }, [DOCKER]: { auths: { HOST: good } } },
      0,
      0,
    ],
    [
      "no entry without a colon",
      { [RUNTIME]: { auths: { HOST: { auth: btoa("x") } } }, [DOCKER]: { auths: { HOST: good } } },
      0,
      0,
    ],
    ["no file of podman that is no JSON", { [CONFIG]: "{", [DOCKER]: { auths: { HOST: good } } }, 1, 1],
    ["an empty file of podman", { [CONFIG]: "", [DOCKER]: { auths: { HOST: good } } }, 1, 1],
    // docker asks its common helper before the file; skopeo knows none.
    [
      "the file where the common helper is missing",
      { [DOCKER]: { credsStore: "not-there", auths: { HOST: good } } },
      0,
      0,
    ],
    // skopeo goes no further than a helper that fails; we look what the file itself says.
    [
      "the file where the helper of the host is missing",
      { [DOCKER]: { credHelpers: { HOST: "not-there" }, auths: { HOST: good } } },
      0,
      1,
    ],
  ])("counts %s as skopeo does", async (_, files, ours, theirs) => {
    for (const [path, content] of Object.entries(files)) {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await mkdir(dirname(join(home, path)), { recursive: true });
      await writeFile(join(home, path), text.replaceAll("HOST", stage.registry.host));
    }
    expect(await bothPull(stage, stage.nameOf("team/app"))).toEqual([ours, theirs]);
  });
});

describeReal("tokens that a registry verifies itself", ["docker-registry", "skopeo"], () => {
  let signer: TokenSigner;
  let tokens: TestRegistry;
  let stage: Stage;
  let image: MadeImage;
  let sign: (claims: TokenClaims) => string;

  const bearer: BearerOptions = {
    ...ACCOUNT,
    service: SERVICE,
    grants: (user, repository) => {
      if (repository.startsWith("public/")) return user === undefined ? ["pull"] : ["pull", "push"];
      if (user === undefined) return [];
      return repository.startsWith("read/") ? ["pull"] : ["pull", "push"];
    },
    sign: (claims) => sign(claims),
  };

  beforeAll(async () => {
    signer = tokenSigner();
    sign = (claims) => signer.sign(claims);
    tokens = await TestRegistry.start({ auth: { bearer } });
    const { certificate } = signer;
    stage = await startStage({
      token: { realm: `${tokens.url}/token`, service: SERVICE, issuer: ISSUER, certificate },
    });
    image = await writeImage(stage.layout, {
      layers: [{ bytes: 60_000 }, { bytes: 70_000 }, { bytes: 80_000 }],
    });
    for (const repository of ["public/app", "team/app"]) await stage.push(repository, image.manifest);
  });
  afterEach(() => {
    sign = (claims) => signer.sign(claims);
  });
  afterAll(async () => {
    await stage.close();
    await tokens.close();
  });

  it("are got by whoever may have them, for what he may do", async () => {
    const secret = stage.nameOf("team/app");
    expect(await bothPull(stage, stage.nameOf("public/app"))).toEqual([0, 0]);
    expect(await bothPull(stage, secret)).toEqual([1, 1]);
    expect(await login(stage.registry.host)).toMatchObject({ status: 0, stdout: "Login Succeeded\n" });
    expect(await readFile(join(home, ".docker", "config.json"), "utf8")).toContain("identitytoken");
    expect(await bothPull(stage, secret)).toEqual([0, 0]);
    expect(await bothPush(stage, stage.nameOf("team/pushed"))).toEqual([0, 0]);
    expect(await bothPush(stage, stage.nameOf("read/pushed"))).toEqual([1, 1]);
  });

  it("are refused for another registry, also at the login", async () => {
    await login(stage.registry.host);
    sign = (claims) => signer.sign(claims, { audience: "another-registry" });
    expect(await bothPull(stage, stage.nameOf("team/app"))).toEqual([1, 1]);
    expect(await login(stage.registry.host)).toMatchObject({ status: 1, stdout: "" });
    const options = ["--tls-verify=false", "-u", ACCOUNT.username, "-p", ACCOUNT.password];
    expect(await skopeo(["login", ...options, stage.registry.host])).toBe(1);
  });
});

function goodLife(): TokenLife {
  return { expiresAtMs: Date.now() + 300_000, issuedAtMs: Date.now(), expiresInSeconds: 300 };
}

describeReal("a token that ends in the middle of a pull", ["docker-registry", "skopeo"], () => {
  let signer: TokenSigner;
  let tokens: SimpleTokenServer;
  let stage: Stage;
  let lifeOf: () => TokenLife;

  /** The next token is good for `FIRST_TOKEN_MS`; that is what is said of it, or that it is for long. The others are. */
  function endFirstToken({ isSaid }: { readonly isSaid: boolean }): void {
    lifeOf = () => {
      lifeOf = goodLife;
      const endMs = Date.now() + FIRST_TOKEN_MS;
      // Nobody believes a life of less than a minute, so it began that much earlier.
      const said = isSaid ? { issuedAtMs: endMs - 61_000, expiresInSeconds: 60 } : {};
      return { ...goodLife(), ...said, expiresAtMs: endMs - REGISTRY_LEEWAY_MS };
    };
  }

  /** In front of the registry: no layer comes to its end before the registry takes the first of the new tokens no more. */
  async function holdingProxy(): Promise<CountingProxy> {
    const proxy = await startCountingProxy(stage.registry.host);
    const before = tokens.given.length;
    const manifest = `${stage.registry.url}/v2/team/app/manifests/v1`;
    const isRefused = async (): Promise<boolean> => {
      const headers = { authorization: `Bearer ${tokens.given[before]}` };
      return (await fetch(manifest, { method: "HEAD", headers })).status === 401;
    };
    // The registry's clock is the real one, so there is no way but to see when it has come to that.
    let refused: Promise<unknown> | undefined;
    const hold = (): Promise<unknown> => {
      refused ??= vi.waitUntil(isRefused, { interval: 50, timeout: 10 * FIRST_TOKEN_MS });
      return refused;
    };
    // In the middle: who waits for an answer to begin gives his turn to the next one.
    proxy.pace({ path: /\/blobs\//, before: async (offset) => void (offset > 0 && (await hold())) });
    return proxy;
  }

  beforeAll(async () => {
    signer = tokenSigner();
    lifeOf = goodLife;
    tokens = await startTokenServer(signer, SERVICE, () => lifeOf());
    const { realm } = tokens;
    stage = await startStage({
      token: { realm, service: SERVICE, issuer: ISSUER, certificate: signer.certificate },
    });
    // More than skopeo asks for at once, so that some come after the end.
    const layers = Array.from({ length: 9 }, (_, at) => ({ bytes: 200_000, seed: `layer ${at}` }));
    const image = await writeImage(stage.layout, { layers });
    await stage.push("team/app", image.manifest);
  });
  afterAll(async () => {
    await stage.close();
    await tokens[Symbol.asyncDispose]();
  });

  async function pullByDrayage(isSaid: boolean): Promise<number | null> {
    endFirstToken({ isSaid });
    await using proxy = await holdingProxy();
    const root = await stage.newRoot();
    const options = ["--plain-http", "--max-concurrent-downloads", "1", "--root", root];
    const { status } = await run(["pull", "-q", ...options, `${proxy.host}/team/app:v1`]);
    return status;
  }

  async function pullBySkopeo(isSaid: boolean): Promise<number | null> {
    endFirstToken({ isSaid });
    await using proxy = await holdingProxy();
    const copy = await stage.newRoot();
    const source = `docker://${proxy.host}/team/app:v1`;
    return await skopeo(["copy", "--src-tls-verify=false", source, `oci:${copy}:copy`]);
  }

  it.each([
    ["when the token server said so", true, 0],
    // skopeo goes by what is said of a token alone: a refusal in spite of that ends its copy.
    ["when the token server said that it lasts", false, 1],
  ])("does not end ours %s", async (_, isSaid, theirs) => {
    const before = tokens.given.length;
    expect(await pullByDrayage(isSaid)).toBe(0);
    expect(tokens.given.length - before).toBe(2);
    expect(await pullBySkopeo(isSaid)).toBe(theirs);
  });
});

/** The part of an engine that logins and pulls of docker's command line ask for; keeps what it is sent. */
async function engine() {
  const auths: unknown[] = [];
  const server = createServer((request, response) => {
    const { "x-registry-auth": auth } = request.headers;
    if (auth !== undefined) auths.push(JSON.parse(Buffer.from(String(auth), "base64url").toString()));
    response.setHeader("api-version", "1.41");
    response.setHeader("content-type", "application/json");
    const isLogin = request.url?.endsWith("/auth");
    request.resume().once("end", () => response.end(isLogin ? '{"Status":"Login Succeeded"}' : "{}"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    auths,
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function docker(address: string, args: readonly string[], input?: string) {
  return partOutcome("docker", ["-H", address, ...args], { env: userEnv(), input });
}

describeReal("docker's own command line", ["docker", "docker-registry"], () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage({ auth: true });
  });
  afterAll(() => stage.close());

  it("reads what drayage wrote, and no more once drayage has logged out", async () => {
    await using daemon = await engine();
    const { host } = stage.registry;
    await login(host);
    await docker(daemon.address, ["pull", `${host}/team/app:v1`]);
    await run(["logout", host]);
    await docker(daemon.address, ["pull", `${host}/team/app:v1`]);
    expect(daemon.auths).toEqual([{ ...ACCOUNT, serveraddress: host }, {}]);
  });

  it("writes what drayage reads", async () => {
    await using daemon = await engine();
    const { host } = stage.registry;
    const image = await writeImage(stage.layout, { layers: [{ bytes: 1_000 }] });
    await stage.push("team/app", image.manifest);
    const options = ["login", "-u", ACCOUNT.username, "--password-stdin", host];
    expect(await docker(daemon.address, options, ACCOUNT.password)).toMatchObject({ status: 0 });
    const pull = ["pull", "-q", "--plain-http", "--root", await stage.newRoot(), stage.nameOf("team/app")];
    expect(await run(pull)).toMatchObject({ status: 0 });
  });
});
