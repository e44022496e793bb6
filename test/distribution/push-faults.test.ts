import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PushResult } from "../../src/index.ts";
import { CHUNK_BYTES } from "../../src/registry/push/body-limit.ts";
import type { BuiltImage, FaultAction, FaultMatch, RequestRecord, TestRegistry } from "../../src/testing.ts";
import { digestsOf, layerOf } from "./support/built-image.ts";
import { failureOf } from "./support/engine.ts";
import { finishing, type PushSite, pushSite, REPOSITORY } from "./support/push-site.ts";

const ALWAYS = Number.POSITIVE_INFINITY;
const MIB = 1024 * 1024;

/** Of a layer that goes in a chunk and a last request. */
const LARGE_BYTES = CHUNK_BYTES + MIB;

const ACCOUNT = { username: "hauler", password: "short haul" };

const UPLOAD = { kind: "upload" } as const;

let site: PushSite;

beforeEach(async () => {
  site = await pushSite({ target: { auth: { bearer: ACCOUNT } } });
});

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

function push(): Promise<PushResult> {
  return site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1`, auth: ACCOUNT });
}

/** What a registry says when it refuses. */
function refusal(code: string): object {
  return { errors: [{ code, message: "not in this yard" }] };
}

function isLarge({ headers }: RequestRecord): boolean {
  return Number(headers["content-length"]) > 8 * MIB;
}

/** The last request for the layer. */
function lastRequest(built: BuiltImage): FaultMatch {
  return { ...UPLOAD, method: "PUT", digest: layerOf(built).digest };
}

/** Ends every token when the layer's last request is there, which is then answered as one with an old token. */
function expireInTheMiddle(target: TestRegistry, built: BuiltImage): void {
  const { digest: layer } = layerOf(built);
  const revoked = target.waitFor(({ method, digest }) => method === "PUT" && digest === layer);
  target.fault(lastRequest(built), { hold: revoked.then(() => target.revokeTokens()) });
}

/** Does not read the chunk before everything else is there. */
function readLate(target: TestRegistry, { config }: BuiltImage): void {
  const others = target.waitFor(({ method, digest }) => method === "PUT" && digest === config.digest, {
    finished: true,
  });
  target.fault({ ...UPLOAD, method: "PATCH" }, { hold: others });
}

describe("push() succeeds in spite of", () => {
  it.each<[string, (target: TestRegistry, image: BuiltImage) => void, readonly (number | undefined)[]]>([
    ["a token that expires in the middle", expireInTheMiddle, [401, 201]],
    [
      "a 413 for a chunk",
      (target) => void target.fault({ ...UPLOAD, when: isLarge, times: ALWAYS }, { status: 413 }),
      [201],
    ],
    [
      "a 416 for a chunk",
      (target) => void target.fault({ ...UPLOAD, method: "PATCH" }, { status: 416 }),
      [201],
    ],
    [
      "a 429 with Retry-After",
      (target, built) =>
        void target.fault(lastRequest(built), { status: 429, headers: { "retry-after": "0" } }),
      [429, 201],
    ],
    [
      "a 500 for the last request",
      (target, built) => void target.fault(lastRequest(built), { status: 500 }),
      [500, 201],
    ],
    [
      "a connection that breaks",
      (target) =>
        void target.fault({ ...UPLOAD, method: "PATCH" }, { resetRequest: { afterBytes: 9 * MIB } }),
      [201],
    ],
    ["a registry that reads late", readLate, [201]],
  ])("%s", async (_, disturb, answers) => {
    const image = await site.pulled({ layers: [LARGE_BYTES] });
    disturb(site.target, image);
    await push();
    expect(finishing(site.target, layerOf(image)).map(({ status }) => status)).toEqual(answers);
    expect(site.target.manifest(REPOSITORY, "v1")?.digest).toBe(image.descriptor.digest);
    expect([...site.target.manifests(REPOSITORY), ...site.target.blobs(REPOSITORY)].toSorted()).toEqual(
      digestsOf(image),
    );
  });
});

const PORTAL: FaultAction = {
  status: 200,
  headers: { "content-type": "text/html" },
  body: "<html>sign in</html>",
};

describe("push() fails in the registry's words, and without a tag, after", () => {
  it.each<[string, FaultMatch, FaultAction, object]>([
    [
      "a 401 that no token helps against",
      { ...UPLOAD, method: "PUT" },
      { status: 401, body: refusal("UNAUTHORIZED") },
      { name: "ErrUnauthenticated", message: "unauthorized: not in this yard" },
    ],
    ...(["POST", "PATCH", "PUT"] as const).map((method): [string, FaultMatch, FaultAction, object] => [
      `a 403 to ${method}`,
      { ...UPLOAD, method },
      { status: 403, body: refusal("DENIED") },
      { name: "ErrPermissionDenied", message: "denied: not in this yard" },
    ]),
    [
      "a 413 to bodies of any size",
      { ...UPLOAD, when: ({ method }) => method === "PATCH" || method === "PUT" },
      { status: 413, body: refusal("SIZE_INVALID") },
      { name: "ErrInvalidArgument", message: "size invalid: not in this yard" },
    ],
    [
      "a 416 that no offset helps against",
      { ...UPLOAD, when: ({ method }) => method === "PATCH" || method === "PUT" },
      { status: 416, body: refusal("RANGE_INVALID") },
      { name: "ErrInvalidArgument", message: "range invalid: not in this yard" },
    ],
    [
      "a 429 that asks for more patience than there is",
      { ...UPLOAD, method: "PUT" },
      { status: 429, headers: { "retry-after": "3600" }, body: refusal("TOOMANYREQUESTS") },
      { name: "ErrResourceExhausted", message: "toomanyrequests: not in this yard", retryAfterMs: 3_600_000 },
    ],
    [
      "a 500 to every last request",
      { ...UPLOAD, method: "PUT" },
      { status: 500, body: refusal("UNKNOWN") },
      { name: "ErrInternal", message: "unknown: not in this yard", attempt: 5 },
    ],
    ...(["upload", "manifest"] as const).map((kind): [string, FaultMatch, FaultAction, object] => [
      `a portal's page in place of an answer to PUT (${kind})`,
      { kind, method: "PUT" },
      PORTAL,
      { name: "ErrUnknown", message: expect.stringMatching(/^PUT .*: got 200 with a web page, wanted 201$/) },
    ]),
    [
      "a digest that does not match",
      { ...UPLOAD, method: "PUT" },
      { status: 400, body: refusal("DIGEST_INVALID") },
      { name: "ErrInvalidArgument", message: "digest invalid: not in this yard" },
    ],
    [
      "a manifest that is refused",
      { kind: "manifest", method: "PUT" },
      { status: 400, body: refusal("MANIFEST_INVALID") },
      { name: "ErrInvalidArgument", message: "manifest invalid: not in this yard" },
    ],
  ])("%s", async (_, match, action, expected) => {
    const isAboutChunks = match.method === "PATCH" || match.when !== undefined;
    // Of several requests, those that have not gone out yet fail by what one has been told, in other words.
    const isAboutPatience = "retryAfterMs" in expected;
    await site.pulled({ layers: isAboutPatience ? [] : [isAboutChunks ? LARGE_BYTES : 5_000] });
    site.target.fault({ ...match, times: ALWAYS }, action);
    expect(await failureOf(push())).toMatchObject({ ...expected, endpoint: site.target.url });
    expect(site.target.tags(REPOSITORY)).toEqual([]);
    expect(site.target.manifests(REPOSITORY)).toEqual([]);
  });
});
