import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../../src/errors.ts";
import {
  buildImage,
  PROFILE_NAMES,
  type ProfileName,
  profileOf,
  TestRegistry,
  type TestRegistryOptions,
} from "../../../src/testing.ts";
import { call, errorCodes } from "../wire.ts";

const access = { username: "user", password: "secret" };

/** What a stranger is told at `/v2/`: the status and `WWW-Authenticate`; `HOST` and `ELSEWHERE` stand for the two hosts. */
const STRANGERS: Readonly<Record<ProfileName, readonly [status: number, asks: string | null]>> = {
  hub: [401, 'Bearer realm="http://ELSEWHERE/token",service="registry.docker.io"'],
  ghcr: [401, 'Bearer realm="http://HOST/token",service="HOST",scope="repository:user/image:pull"'],
  quay: [401, 'Bearer realm="http://HOST/v2/auth",service="HOST"'],
  gitlab: [401, 'Bearer realm="http://ELSEWHERE/jwt/auth",service="container_registry"'],
  rh: [
    401,
    'Bearer realm="http://HOST/auth/realms/rhcc/protocol/redhat-docker-v2/auth",service="docker-registry"',
  ],
  ecr: [401, 'Basic realm="http://HOST/",service="ecr.amazonaws.com"'],
  ecrp: [401, 'Bearer realm="http://HOST/token/",service="public.ecr.aws",scope="aws"'],
  gar: [401, 'Bearer realm="http://HOST/v2/token",service="HOST"'],
  gcr: [401, 'Bearer realm="http://HOST/v2/token",service="gcr.io"'],
  acr: [401, 'Bearer realm="http://HOST/oauth2/token",service="HOST"'],
  mcr: [200, null],
  nvcr: [401, 'Bearer realm="http://HOST/proxy_auth?scope="'],
  ocir: [401, 'Bearer realm="http://HOST/20180419/docker/token",service="HOST",scope=""'],
  icr: [401, "Bearer realm=http://HOST/oauth/token, service=registry, scope="],
  ali: [401, 'Bearer realm="http://ELSEWHERE/auth",service="registry.aliyuncs.com:cn-hangzhou:26842"'],
  harbor: [401, 'Bearer realm="http://HOST/service/token",service="harbor-registry"'],
  jfrog: [401, 'Bearer realm="http://HOST/artifactory/api/docker/docker/v2/token",service="HOST"'],
  nexus: [401, 'BASIC realm="Sonatype Nexus Repository Manager"'],
  zot: [401, "bearer realm=http://HOST/auth/token,service=zot,scope="],
  dist2: [401, 'Bearer realm="http://ELSEWHERE/auth",service="drayage-test"'],
  dist3: [401, 'Basic realm="Registry"'],
  gitea: [
    401,
    'Bearer realm="http://HOST/v2/token",service="container_registry",scope="*", Basic realm="Gitea"',
  ],
  cfsr: [401, 'Basic realm="http://HOST/v2/"'],
  ocp: [401, 'Bearer realm="http://HOST/openshift/token"'],
};

async function start(options: TestRegistryOptions): Promise<TestRegistry> {
  const registry = await TestRegistry.start(options);
  await registry.putBlob("team/app", Buffer.from("blob"));
  registry.putManifest("team/app", "v1", "{}", "application/json");
  return registry;
}

const BASIC = { authorization: `Basic ${Buffer.from("user:secret").toString("base64")}` };

describe("TestRegistry.start({ profile })", () => {
  it.each(PROFILE_NAMES)("asks a stranger at /v2/ as %s does", async (profile) => {
    const isAsked = profile !== "mcr";
    await using registry = await TestRegistry.start({ profile, ...(isAsked && { access }) });
    const response = await call(registry, "/v2/");
    await response.arrayBuffer();
    const [status, asks] = STRANGERS[profile];
    const wanted = asks?.replaceAll("HOST", registry.host).replaceAll("ELSEWHERE", registry.elsewhere ?? "");
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([status, wanted ?? null]);
  });

  it.each(PROFILE_NAMES)("has a name for people for %s", (profile) => {
    expect(profileOf(profile).product).not.toBe("");
  });

  it("asks nobody where only passwords are asked for and nobody has one", async () => {
    await using registry = await start({ profile: "ecr" });
    const response = await call(registry, "/v2/team/app/tags/list");
    expect(await response.json()).toEqual({ name: "team/app", tags: ["v1"] });
  });

  it("asks for a token where strangers get one, also for what is public", async () => {
    await using registry = await start({ profile: "harbor" });
    const response = await call(registry, "/v2/team/app/tags/list");
    expect(response.status).toBe(401);
    const token = await call(
      registry,
      "/service/token?service=harbor-registry&scope=repository:team/app:pull",
    );
    const { token: value } = (await token.json()) as { token: string };
    const second = await call(registry, "/v2/team/app/tags/list", {
      headers: { authorization: `Bearer ${value}` },
    });
    expect(second.status).toBe(200);
  });

  it("can be combined with faults", async () => {
    await using registry = await start({ profile: "ecr", access });
    registry.fault({ kind: "tags" }, { status: 429, headers: { "retry-after": "3" } });
    expect((await call(registry, "/v2/team/app/tags/list", { headers: BASIC })).status).toBe(429);
    expect((await call(registry, "/v2/team/app/tags/list", { headers: BASIC })).status).toBe(200);
  });

  it("lets switches and other options win over the product's", async () => {
    await using registry = await start({
      profile: "ecr",
      access,
      pageSize: 7,
      habits: { lists: { noTags: { status: 404, words: { text: "no tags here" } } } },
    });
    const response = await call(registry, "/v2/team/app/tags/list", { headers: BASIC });
    expect([response.status, await response.text()]).toEqual([404, "no tags here"]);
  });

  it("takes another way to ask in place of the product's", async () => {
    await using registry = await start({ profile: "ecr", auth: { bearer: access } });
    const response = await call(registry, "/v2/");
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
  });

  it("sends clients to another host for a blob, which knows no passwords and no old addresses", async () => {
    await using registry = await start({ profile: "hub", auth: "anonymous" });
    const path = `/v2/team/app/blobs/${digestOf("blob")}`;
    const location = (await call(registry, path)).headers.get("location") ?? "";
    expect(new URL(location).host).toBe(registry.elsewhere);
    const [fine, withPassword, head] = [
      await fetch(location),
      await fetch(location, { headers: BASIC }),
      await fetch(location, { method: "HEAD" }),
    ];
    expect([fine.status, await fine.text()]).toEqual([200, "blob"]);
    expect([withPassword.status, head.status]).toEqual([400, 403]);
    registry.expireLinks();
    expect((await fetch(location)).status).toBe(403);
  });

  it("says what an expired password is, as ECR does", async () => {
    await using registry = await start({ profile: "ecr", access: { username: "AWS", password: "new" } });
    const response = await call(registry, "/v2/team/app/tags/list", { headers: BASIC });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([403, null]);
    expect(await errorCodes(response)).toEqual(["DENIED"]);
  });

  it.each<[string, TestRegistryOptions, string]>([
    ["a product that there is not", { profile: "habor" as "harbor" }, "harbor"],
    ["a group of switches that there is not", { habits: { pul: {} } as object }, "habits.pul"],
    ["a switch that there is not", { habits: { pull: { rangs: false } as object } }, "habits.pull.rangs"],
    ["an account where nobody is asked", { profile: "mcr", access }, "access"],
  ])("refuses %s", async (_, options, named) => {
    const failure = await TestRegistry.start(options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(String(failure)).toContain(named);
  });
});

describe("TestRegistry.start({ access })", () => {
  it("asks with tokens unless something else is said", async () => {
    await using registry = await TestRegistry.start({ access });
    expect((await call(registry, "/v2/")).headers.get("www-authenticate")).toContain("/token");
    await buildImage(registry, "team/app", { tag: "v1", layers: [10] });
  });
});
