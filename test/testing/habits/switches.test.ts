import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { type SomeHabits, TestRegistry, type TestRegistryOptions } from "../../../src/testing.ts";
import { call } from "../wire.ts";

const BLOB = Buffer.from("0123456789");
const DIGEST = digestOf(BLOB);
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const REFUSED = { status: 418, words: { code: "DENIED", message: "no" } } as const;
const access = { username: "user", password: "secret" };
const BASIC = { authorization: `Basic ${Buffer.from("user:secret").toString("base64")}` };

async function start(habits: SomeHabits, more: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await TestRegistry.start({ habits, ...more });
  await registry.putBlob("team/app", BLOB);
  registry.putManifest("team/app", "v1", `{"schemaVersion":2,"mediaType":"${OCI_MANIFEST}"}`, OCI_MANIFEST);
  for (const tag of ["a", "b", "c"]) registry.putManifest("team/app", tag, "{}", "application/json");
  return registry;
}

/** Everybody may write to one repository, and read no other. */
function mayWriteNew(_: unknown, repository: string) {
  return repository === "team/new" ? (["pull", "push"] as const) : [];
}

/** A request and what of its answer is looked at: status and the named headers. */
type Ask = readonly [
  method: string,
  path: string,
  headers?: Record<string, string> | undefined,
  body?: Buffer | undefined,
];

async function answer(registry: TestRegistry, [method, path, headers = {}, body]: Ask): Promise<Response> {
  return await call(registry, path, { method, headers, ...(body && { body: Uint8Array.from(body) }) });
}

const MANIFEST = "/v2/team/app/manifests/v1";
const BLOB_PATH = `/v2/team/app/blobs/${DIGEST}`;

describe("a switch of what is read", () => {
  it.each<[string, SomeHabits, Ask, number]>([
    ["headBlobStatus", { pull: { headBlobStatus: 401 } }, ["HEAD", BLOB_PATH], 401],
    ["headBlobStatus, not for GET", { pull: { headBlobStatus: 401 } }, ["GET", BLOB_PATH], 200],
    ["headManifestStatus", { pull: { headManifestStatus: 405 } }, ["HEAD", MANIFEST], 405],
    ["ranges", { pull: { ranges: false } }, ["GET", BLOB_PATH, { range: "bytes=2-" }], 200],
    ["needsAccept", { pull: { needsAccept: true } }, ["GET", MANIFEST, { accept: "*/*" }], 404],
    ["needsAccept, given", { pull: { needsAccept: true } }, ["GET", MANIFEST, { accept: OCI_MANIFEST }], 200],
    ["noManifest", { pull: { noManifest: REFUSED } }, ["GET", "/v2/team/app/manifests/other"], 418],
    ["noRepository", { pull: { noRepository: REFUSED } }, ["GET", "/v2/team/other/manifests/v1"], 418],
    [
      "noRepository of tags",
      { pull: { noRepository: "forbidden" } },
      ["GET", "/v2/team/other/tags/list"],
      401,
    ],
    ["noTags", { lists: { noTags: REFUSED } }, ["GET", "/v2/team/app/tags/list"], 418],
    [
      "tooLargePage",
      { lists: { tooLargePage: REFUSED, pageSize: 2 } },
      ["GET", "/v2/team/app/tags/list?n=3"],
      418,
    ],
    ["noReferrers", { lists: { noReferrers: REFUSED } }, ["GET", `/v2/team/app/referrers/${DIGEST}`], 418],
    ["noSubject", { lists: { noSubject: REFUSED } }, ["GET", `/v2/team/app/referrers/${DIGEST}`], 418],
    [
      "cookieRefusal",
      { pull: { cookieRefusal: REFUSED } },
      ["POST", "/v2/team/app/blobs/uploads/", { cookie: "sid=1" }],
      418,
    ],
    [
      "cookieRefusal, not for GET",
      { pull: { cookieRefusal: REFUSED } },
      ["GET", BLOB_PATH, { cookie: "sid=1" }],
      200,
    ],
  ])("%s", async (_, habits, ask, status) => {
    await using registry = await start(habits);
    expect((await answer(registry, ask)).status).toBe(status);
  });

  it.each<[string, SomeHabits, Ask, Record<string, string | null>]>([
    [
      "blobWithout",
      { pull: { blobWithout: ["docker-content-digest", "content-length"] } },
      ["GET", BLOB_PATH],
      { "docker-content-digest": null, "content-length": null },
    ],
    [
      "manifestWithout",
      { pull: { manifestWithout: ["content-length"] } },
      ["GET", MANIFEST],
      { "content-length": null },
    ],
    [
      "charset",
      { pull: { charset: ";charset=x" } },
      ["GET", MANIFEST],
      { "content-type": `${OCI_MANIFEST};charset=x` },
    ],
    ["headers", { pull: { headers: { "x-more": "1" } } }, ["GET", BLOB_PATH], { "x-more": "1" }],
    [
      "manifestHeaders",
      { pull: { manifestHeaders: { "x-limit": "1" } } },
      ["HEAD", MANIFEST],
      { "x-limit": "1" },
    ],
    [
      "manifestHeaders, not of blobs",
      { pull: { manifestHeaders: { "x-limit": "1" } } },
      ["HEAD", BLOB_PATH],
      { "x-limit": null },
    ],
    [
      "bracketsLinks",
      { lists: { bracketsLinks: false, pageSize: 1 } },
      ["GET", "/v2/team/app/tags/list"],
      { link: '/v2/team/app/tags/list?n=1&last=a; rel="next"' },
    ],
  ])("%s", async (_, habits, ask, headers) => {
    await using registry = await start(habits);
    const response = await answer(registry, ask);
    expect(
      Object.fromEntries(Object.keys(headers).map((name) => [name, response.headers.get(name)])),
    ).toEqual(headers);
    await response.arrayBuffer();
  });

  it("links at the registry's own host", async () => {
    const links = {
      status: 302,
      host: "own",
      refusesAuthorization: false,
      perMethod: false,
      onlyWhole: true,
      body: "{}",
    } as const;
    await using registry = await start({ pull: { links } });
    const response = await answer(registry, ["GET", BLOB_PATH]);
    const location = response.headers.get("location") ?? "";
    expect([response.status, await response.text(), location.startsWith("/storage/")]).toEqual([
      302,
      "{}",
      true,
    ]);
    expect(await (await answer(registry, ["GET", location, BASIC])).text()).toBe("0123456789");
    expect((await answer(registry, ["GET", BLOB_PATH, { range: "bytes=2-" }])).status).toBe(206);
    expect((await answer(registry, ["GET", location.replace(/signature=\w/, "signature=x")])).status).toBe(
      403,
    );
  });

  it("moreFields", async () => {
    await using registry = await start({ lists: { moreFields: { child: [] } } });
    const response = await answer(registry, ["GET", "/v2/team/app/tags/list"]);
    expect(await response.json()).toEqual({ name: "team/app", tags: ["a", "b", "c", "v1"], child: [] });
  });
});

/** Opens a session and sends parts to it; gives statuses and `Range` of all answers, and the last location. */
async function upload(registry: TestRegistry, parts: readonly Ask[]) {
  const seen: [number, string | null][] = [];
  let location = "";
  for (const [method, path, headers, body] of [["POST", "/v2/team/new/blobs/uploads/"] as Ask, ...parts]) {
    const target =
      path === ""
        ? location
        : path.startsWith("?")
          ? `${location}${location.includes("?") ? "&" : "?"}${path.slice(1)}`
          : path;
    const response = await answer(registry, [method, target, headers, body]);
    seen.push([response.status, response.headers.get("range")]);
    location = response.headers.get("location") ?? location;
    await response.arrayBuffer();
  }
  return { seen, location };
}

const part = (start: number, end: number): Ask => [
  "PATCH",
  "",
  { "content-range": `${start}-${end - 1}` },
  BLOB.subarray(start, end),
];
const PUT: Ask = ["PUT", `?digest=${DIGEST}`];

describe("a switch of what is written", () => {
  it.each<[string, SomeHabits["upload"], readonly Ask[], readonly [number, string | null][]]>([
    [
      "nothing at all",
      {},
      [part(0, 4), part(4, 10), PUT],
      [
        [202, "0-0"],
        [202, "0-3"],
        [202, "0-9"],
        [201, null],
      ],
    ],
    ["readOnly", { readOnly: REFUSED }, [], [[418, null]]],
    ["beginsRepositories", { beginsRepositories: false }, [], [[404, null]]],
    ["emptyRange", { emptyRange: "bytes=0--1" }, [], [[202, "bytes=0--1"]]],
    [
      "noPatch",
      { noPatch: REFUSED },
      [part(0, 4)],
      [
        [202, "0-0"],
        [418, null],
      ],
    ],
    [
      "patchStatus",
      { patchStatus: 201 },
      [part(0, 4)],
      [
        [202, "0-0"],
        [201, "0-3"],
      ],
    ],
    [
      "patchRange first part",
      { patchRange: "first part" },
      [part(0, 4), part(4, 9)],
      [
        [202, "0-0"],
        [202, "0-3"],
        [202, "0-3"],
      ],
    ],
    [
      "patchRange none",
      { patchRange: "none" },
      [part(0, 4)],
      [
        [202, "0-0"],
        [202, null],
      ],
    ],
    [
      "statusPrefix",
      { statusPrefix: "bytes=" },
      [part(0, 4), ["GET", ""]],
      [
        [202, "0-0"],
        [202, "0-3"],
        [204, "bytes=0-3"],
      ],
    ],
    [
      "contentRange checked",
      {},
      [part(2, 4)],
      [
        [202, "0-0"],
        [416, "0-0"],
      ],
    ],
    [
      "contentRange ignored",
      { contentRange: "ignored" },
      [part(2, 4)],
      [
        [202, "0-0"],
        [202, "0-1"],
      ],
    ],
    [
      "contentRange after the first",
      { contentRange: "after the first" },
      [part(0, 4), ["PATCH", "", {}, BLOB.subarray(4)]],
      [
        [202, "0-0"],
        [202, "0-3"],
        [400, null],
      ],
    ],
    [
      "unranged replaces",
      { unranged: "replaces" },
      [
        ["PATCH", "", {}, BLOB.subarray(4)],
        ["PATCH", "", {}, BLOB.subarray(0, 2)],
      ],
      [
        [202, "0-0"],
        [202, "0-5"],
        [202, "0-1"],
      ],
    ],
    [
      "maxRangedBytes",
      { maxRangedBytes: 3 },
      [part(0, 4)],
      [
        [202, "0-0"],
        [416, null],
      ],
    ],
    [
      "minPartBytes",
      { minPartBytes: 3 },
      [part(0, 2), part(2, 10)],
      [
        [202, "0-0"],
        [202, "0-1"],
        [400, null],
      ],
    ],
    [
      "equalParts",
      { equalParts: true },
      [part(0, 4), part(4, 6), part(6, 10)],
      [
        [202, "0-0"],
        [202, "0-3"],
        [202, "0-5"],
        [416, "0-9"],
      ],
    ],
    [
      "maxBodyBytes",
      { maxBodyBytes: 5 },
      [["PUT", `?digest=${DIGEST}`, {}, BLOB]],
      [
        [202, "0-0"],
        [413, null],
      ],
    ],
    [
      "statusStatus",
      { statusStatus: 404 },
      [["GET", ""]],
      [
        [202, "0-0"],
        [404, null],
      ],
    ],
    [
      "putWhole",
      { putWhole: false },
      [["PUT", `?digest=${DIGEST}`, {}, BLOB]],
      [
        [202, "0-0"],
        [404, null],
      ],
    ],
    [
      "putNeedsType",
      { putNeedsType: true },
      [["PUT", `?digest=${DIGEST}`, { "content-type": "a/b" }, BLOB]],
      [
        [202, "0-0"],
        [413, null],
      ],
    ],
    [
      "emptyPutStatus",
      { emptyPutStatus: 500 },
      [part(0, 10), PUT],
      [
        [202, "0-0"],
        [202, "0-9"],
        [500, null],
      ],
    ],
    [
      "cancelStatus",
      { cancelStatus: 405 },
      [["DELETE", ""]],
      [
        [202, "0-0"],
        [405, null],
      ],
    ],
  ])("%s", async (_, habits = {}, parts, wanted) => {
    await using registry = await start({ upload: habits });
    expect((await upload(registry, parts)).seen).toEqual(wanted);
  });

  it.each<[string, SomeHabits["upload"], RegExp]>([
    ["location", { location: "absolute" }, /^http:\/\/127\.0\.0\.1:\d+\/v2\/team\/new\/blobs\/uploads\//],
    ["segment", { segment: "upload" }, /^\/v2\/team\/new\/blobs\/upload\//],
    ["state", { state: "none" }, /^[^?]*$/],
  ])("%s of a session", async (_, habits = {}, location) => {
    await using registry = await start({ upload: habits });
    expect((await upload(registry, [])).location).toMatch(location);
    expect((await upload(registry, [["PUT", `?digest=${DIGEST}`, {}, BLOB]])).seen[1]?.[0]).toBe(201);
  });

  it("state offset: ends a session at a request whose state is not its own", async () => {
    await using registry = await start({ upload: { state: "offset" } });
    const { location } = await upload(registry, [part(0, 4)]);
    const old = location.replace("_state=4", "_state=0");
    expect((await answer(registry, ["GET", old])).status).toBe(404);
    expect((await answer(registry, ["GET", location])).status).toBe(404);
  });

  it("state required: does not find a session without it", async () => {
    await using registry = await start({ upload: { state: "required" } });
    const { location } = await upload(registry, [part(0, 4)]);
    expect((await answer(registry, ["GET", location.replace(/\?.*/, "")])).status).toBe(500);
    expect((await answer(registry, ["GET", location])).status).toBe(204);
  });

  it.each([
    [true, 201],
    [false, 202],
  ])("singlePost %s", async (singlePost, status) => {
    await using registry = await start({ upload: { singlePost } });
    const response = await answer(registry, [
      "POST",
      `/v2/team/new/blobs/uploads/?digest=${DIGEST}`,
      {},
      BLOB,
    ]);
    expect([response.status, registry.blobs("team/new").length]).toEqual([status, status === 201 ? 1 : 0]);
  });

  it("needsLength", async () => {
    await using registry = await start({ upload: { needsLength: true } });
    const { location } = await upload(registry, []);
    const body = new Blob([BLOB]).stream();
    const response = await call(registry, location, { method: "PATCH", body, duplex: "half" });
    expect(response.status).toBe(400);
  });

  it("announcesMinPart and idHeader", async () => {
    await using registry = await start({
      upload: { minPartBytes: 3, announcesMinPart: false, idHeader: undefined },
    });
    const { headers } = await answer(registry, ["POST", "/v2/team/new/blobs/uploads/"]);
    expect([headers.get("oci-chunk-min-length"), headers.get("docker-upload-uuid")]).toEqual([null, null]);
  });

  const mountFrom = (from: string | undefined, to = "team/new"): Ask => [
    "POST",
    `/v2/${to}/blobs/uploads/?mount=${DIGEST}${from === undefined ? "" : `&from=${from}`}`,
  ];
  it.each<[string, SomeHabits["mount"], Ask, number]>([
    ["nothing at all", {}, mountFrom("team/app"), 201],
    ["mounts", { mounts: false }, mountFrom("team/app"), 202],
    ["from needed", { from: "needed" }, mountFrom(undefined), 202],
    ["from heeded", {}, mountFrom(undefined), 201],
    ["from ignored", { from: "ignored" }, mountFrom("not/there"), 201],
    ["sameOwner", { sameOwner: true }, mountFrom("team/app", "other/new"), 202],
    ["noSource", { noSource: REFUSED }, mountFrom("not/there"), 418],
    ["refusal", { refusal: REFUSED }, mountFrom("team/app"), 418],
  ])("%s of a mount", async (_, mount = {}, ask, status) => {
    await using registry = await start({ mount });
    expect((await answer(registry, ask)).status).toBe(status);
  });

  it.each([
    ["refused", 401],
    ["session", 202],
  ] as const)("deniedSource %s", async (deniedSource, status) => {
    await using registry = await start(
      { mount: { deniedSource } },
      { access: { ...access, grants: mayWriteNew } },
    );
    const token = await answer(registry, [
      "GET",
      "/token?scope=repository:team/new:pull,push&scope=repository:team/app:pull",
      BASIC,
    ]);
    const { token: value } = (await token.json()) as { token: string };
    const [method, path] = mountFrom("team/app");
    expect((await answer(registry, [method, path, { authorization: `Bearer ${value}` }])).status).toBe(
      status,
    );
  });

  it.each<[string, SomeHabits["manifests"], string, string, number]>([
    ["maxBytes", { maxBytes: 10 }, "new", OCI_MANIFEST, 413],
    ["immutableTags", { immutableTags: REFUSED }, "a", OCI_MANIFEST, 418],
    ["immutableTags of a new one", { immutableTags: REFUSED }, "new", OCI_MANIFEST, 201],
    ["refusedTypes", { refusedTypes: [{ types: [OCI_MANIFEST], ...REFUSED }] }, "new", OCI_MANIFEST, 418],
    [
      "refusedTypes of a config",
      { refusedTypes: [{ types: ["a/config"], ...REFUSED }] },
      "new",
      OCI_MANIFEST,
      418,
    ],
  ])("%s", async (_, manifests = {}, tag, type, status) => {
    await using registry = await start({ manifests });
    const config = { mediaType: "a/config", digest: DIGEST, size: BLOB.length };
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, config }));
    expect(
      (await answer(registry, ["PUT", `/v2/team/app/manifests/${tag}`, { "content-type": type }, body]))
        .status,
    ).toBe(status);
  });

  it("needsMediaType", async () => {
    await using registry = await start({ manifests: { needsMediaType: REFUSED } });
    const body = Buffer.from('{"schemaVersion":2}');
    expect(
      (await answer(registry, ["PUT", "/v2/team/app/manifests/x", { "content-type": OCI_MANIFEST }, body]))
        .status,
    ).toBe(418);
  });
});

describe("a switch of who is asked for what", () => {
  const ask = async (habits: SomeHabits, request: Ask) => {
    await using registry = await start(habits, { access });
    const response = await answer(registry, request);
    return [response.status, response.headers.get("content-type"), await response.text()] as const;
  };
  const SCOPE = "scope=repository:team/app:pull";

  it.each<[string, SomeHabits["tokens"], Ask, number]>([
    ["path", { path: "/elsewhere" }, ["GET", "/elsewhere", BASIC], 200],
    ["path, not the usual one", { path: "/elsewhere" }, ["GET", "/token", BASIC], 404],
    ["host", { host: "other" }, ["GET", "/token", BASIC], 404],
    ["methods", { methods: ["POST"], otherMethodStatus: 404 }, ["GET", "/token", BASIC], 404],
    ["scopelessStranger", { scopelessStranger: REFUSED }, ["GET", "/token"], 418],
    ["oddScope", { oddScope: REFUSED }, ["GET", "/token?scope=repository:a/b:delete", BASIC], 418],
    ["denied", { denied: REFUSED }, ["GET", `/token?${SCOPE}`], 418],
    ["denied, empty", {}, ["GET", `/token?${SCOPE}`], 200],
    ["wrongPassword", { wrongPassword: undefined }, ["GET", "/token", { authorization: "Basic eDp5" }], 200],
  ])("%s of tokens", async (_, tokens = {}, request, status) => {
    expect((await ask({ tokens }, request))[0]).toBe(status);
  });

  it("fields, tellsLife and contentType", async () => {
    const tokens = { fields: ["access_token"], tellsLife: false, contentType: "text/plain" } as const;
    const [, type, text] = await ask({ tokens }, ["GET", "/token", BASIC]);
    expect([type, Object.keys(JSON.parse(text) as object)]).toEqual(["text/plain", ["access_token"]]);
  });

  it.each([
    ["all", [200, 200]],
    ["first", [200, 401]],
    ["last", [401, 200]],
    ["none", [200, 200]],
  ] as const)("scopes %s", async (scopes, wanted) => {
    await using registry = await start({ tokens: { scopes } }, { access });
    await registry.putBlob("team/two", BLOB);
    const token = await answer(registry, ["GET", `/token?${SCOPE}&scope=repository:team/two:pull`, BASIC]);
    const { token: value } = (await token.json()) as { token: string };
    const statuses = ["app", "two"].map(async (name) => {
      const headers = { authorization: `Bearer ${value}` };
      return (await answer(registry, ["GET", `/v2/team/${name}/blobs/${DIGEST}`, headers])).status;
    });
    expect(await Promise.all(statuses)).toEqual(wanted);
  });

  it.each<[string, SomeHabits["challenge"], Ask, [number, boolean]]>([
    ["openPing", { openPing: true }, ["GET", "/v2/"], [200, false]],
    ["asksWhenGood", { asksWhenGood: true, takesBasic: true }, ["GET", "/v2/", BASIC], [200, true]],
    ["asksAtPingOnly", { asksAtPingOnly: true }, ["GET", MANIFEST], [401, false]],
    ["asksAtPingOnly at the ping", { asksAtPingOnly: true }, ["GET", "/v2/"], [401, true]],
    ["takesBasic", { takesBasic: true }, ["GET", MANIFEST, BASIC], [200, false]],
    ["takesBasic, not", {}, ["GET", MANIFEST, BASIC], [401, true]],
    ["scheme none", { scheme: "none" }, ["GET", MANIFEST], [200, false]],
  ])("%s of challenges", async (_, challenge = {}, request, wanted) => {
    const bearer = challenge.scheme === undefined ? { access } : {};
    await using registry = await start({ challenge }, bearer);
    const response = await answer(registry, request);
    expect([response.status, response.headers.has("www-authenticate")]).toEqual(wanted);
  });
});
