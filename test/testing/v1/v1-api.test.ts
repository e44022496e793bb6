import { afterEach, describe, expect, it } from "vitest";
import { isFailedPrecondition, isInvalidArgument } from "../../../src/errors.ts";
import {
  type BuiltV1Image,
  buildV1Image,
  TestRegistry,
  type TestRegistryOptions,
} from "../../../src/testing.ts";

const ALICE = { username: "alice", password: "secret" };
const BASIC = { authorization: `Basic ${Buffer.from("alice:secret").toString("base64")}` };

let open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of open) await each[Symbol.asyncDispose]();
  open = [];
});

async function start(options: TestRegistryOptions = { v1: true }): Promise<[TestRegistry, BuiltV1Image]> {
  const registry = await TestRegistry.start(options);
  open.push(registry);
  return [registry, await buildV1Image(registry, "team/app", { tag: "1", layers: [3_000, "empty", 10] })];
}

function get(registry: TestRegistry, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${registry.url}${path}`, { headers });
}

describe("a registry with v1", () => {
  it("answers pings, tags, ancestry and documents", async () => {
    const [registry, { id, layers }] = await start();
    const ping = await get(registry, "/v1/_ping");
    expect(ping.headers.get("x-docker-registry-standalone")).toBe("True");
    expect(ping.headers.get("docker-distribution-api-version")).toBeNull();
    expect(await (await get(registry, "/v1/repositories/team/app/tags")).json()).toEqual({ "1": id });
    expect(await (await get(registry, "/v1/repositories/team/app/tags/1")).json()).toBe(id);
    const ids = layers.map((layer) => layer.id).toReversed();
    expect(await (await get(registry, `/v1/images/${id}/ancestry`)).json()).toEqual(ids);
    const document = await get(registry, `/v1/images/${id}/json`);
    expect(await document.json()).toMatchObject({ id, parent: ids[1] });
    expect(document.headers.get("x-docker-size")).toBe(String(layers[2]?.bytes.length));
    expect(registry.requests.map(({ kind }) => kind)).toEqual([
      "v1-ping",
      "v1-tags",
      "v1-tags",
      "v1-ancestry",
      "v1-json",
    ]);
  });

  it("speaks version 2 beside it, unless it is the only one", async () => {
    const [both] = await start();
    const [only] = await start({ v1: { only: true } });
    expect((await get(both, "/v2/")).status).toBe(200);
    expect((await get(only, "/v2/")).status).toBe(404);
    expect((await get(only, "/v2/team/app/tags/list")).status).toBe(404);
  });

  it.each([
    ["/v1/repositories/team/none/images", "images not found"],
    ["/v1/repositories/team/none/tags", "Repository not found"],
    ["/v1/repositories/team/app/tags/none", "Tag not found"],
    ["/v1/images/../json", ""],
    ["/v1/images/xyz/json", "Invalid image ID"],
    [`/v1/images/${"0".repeat(64)}/layer`, "Image not found"],
  ])("answers 404 to %s", async (path, words) => {
    const [registry] = await start();
    const answer = await get(registry, path);
    expect(answer.status).toBe(404);
    if (words !== "") expect(await answer.json()).toEqual({ error: words });
  });

  it("takes a name without namespace for one of library", async () => {
    const [registry, { id }] = await start();
    registry.v1.tag("library/app", "1", id);
    expect((await get(registry, "/v1/repositories/app/images")).status).toBe(200);
    expect(await (await get(registry, "/v1/repositories/app/tags/1")).json()).toBe(id);
  });

  it.each([
    ["bytes=1000-3999", 206, "1000-3999/4608", 3_000],
    ["bytes=4607-4607", 416, null, undefined],
    ["bytes=10-5", 416, null, undefined],
    ["bytes=0-9999", 416, null, undefined],
    ["bytes=-5", 416, null, undefined],
  ])("answers the range %s like docker-registry", async (range, status, contentRange, length) => {
    const [registry, { layers }] = await start();
    const [base] = layers;
    const answer = await get(registry, `/v1/images/${base?.id}/layer`, { range });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, contentRange]);
    if (length !== undefined) {
      const wanted = base?.bytes.subarray(1_000, 1_000 + length);
      expect(Buffer.from(await answer.arrayBuffer()).equals(wanted ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it("promises one byte too many for a range without an end", async () => {
    const [registry, { layers }] = await start();
    const answer = await get(registry, `/v1/images/${layers[0]?.id}/layer`, { range: "bytes=4000-" });
    expect(answer.headers.get("content-range")).toBe("4000-4608/4608");
    await expect(answer.arrayBuffer()).rejects.toThrow(/terminated/);
  });

  it("can only be asked for when it was started", async () => {
    await using registry = await TestRegistry.start();
    expect((await get(registry, "/v1/_ping")).status).toBe(404);
    expect(await buildV1Image(registry, "a/b", { layers: [1] }).catch(isFailedPrecondition)).toBe(true);
  });

  it("takes no repository without a namespace", async () => {
    const [registry, { id }] = await start();
    expect(await (async () => registry.v1.tag("app", "1", id))().catch(isInvalidArgument)).toBe(true);
  });
});

describe("access to a registry with v1", () => {
  it("wants the account with every request when it is standalone", async () => {
    const [registry, { id }] = await start({ v1: true, auth: { basic: ALICE } });
    for (const path of ["/v1/repositories/team/app/images", `/v1/images/${id}/json`]) {
      const refused = await get(registry, path);
      expect(refused.status).toBe(401);
      expect(refused.headers.get("www-authenticate")).toMatch(/^Basic /);
      expect((await get(registry, path, BASIC)).status).toBe(200);
    }
  });

  it("gives tokens that open one session, which goes on with a cookie", async () => {
    const [registry, { id }] = await start({ v1: { standalone: false }, auth: { basic: ALICE } });
    const wanted = { "x-docker-token": "true" };
    expect((await get(registry, "/v1/repositories/team/app/images", wanted)).status).toBe(401);
    const index = await get(registry, "/v1/repositories/team/app/images", { ...wanted, ...BASIC });
    expect(index.headers.get("x-docker-endpoints")).toBe(registry.host);
    const authorization = `Token ${index.headers.get("x-docker-token")}`;
    const json = `/v1/images/${id}/json`;
    expect((await get(registry, json)).status).toBe(401);
    expect((await get(registry, json, BASIC)).status).toBe(401);
    const first = await get(registry, json, { authorization });
    expect(first.status).toBe(200);
    expect((await get(registry, json, { authorization })).status).toBe(401);
    const cookie = first.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
    expect((await get(registry, json, { cookie })).status).toBe(200);
    registry.revokeTokens();
    expect((await get(registry, json, { cookie })).status).toBe(401);
  });

  it("names the endpoints that it is told to name", async () => {
    const [registry] = await start({ v1: { endpoints: ["a.example", "b.example"] } });
    const [silent] = await start({ v1: { endpoints: [] } });
    const path = "/v1/repositories/team/app/images";
    expect((await get(registry, path)).headers.get("x-docker-endpoints")).toBe("a.example, b.example");
    expect((await get(silent, path)).headers.get("x-docker-endpoints")).toBeNull();
  });
});
