import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { findError } from "../../../../src/errors.ts";
import { closingAfterEach } from "../../../support/closing-after-each.ts";
import { blobsOn, type Engine, failureOf, namesOn, openEngine } from "../../support/engine.ts";
import { memoryLogger } from "../../support/memory-logger.ts";
import { until } from "../../support/until.ts";
import { type Answer, says, type V1Server, type V1ServerOptions, v1Server } from "../../support/v1-server.ts";

const LAYERS = [Buffer.alloc(30_000, "base"), Buffer.alloc(20_000, "top")];
const SECRET = "hunter2-canary";
const ID = "ab".repeat(32);

const keep = closingAfterEach();

async function serve(options: Partial<V1ServerOptions> = {}): Promise<V1Server> {
  return keep(await v1Server({ layers: LAYERS, ...options }));
}

const logger = memoryLogger();

async function engineFor({ host }: V1Server, credentials = false): Promise<Engine> {
  return keep(
    await openEngine({
      registry: { v1Registries: [host] },
      logger,
      ...(credentials && {
        credentials: async (at) => (at === host ? { username: "alice", password: SECRET } : undefined),
      }),
    }),
  );
}

function raw(status: number, body: string | Uint8Array, headers: Record<string, string> = {}): Answer {
  return (_, response) => void response.writeHead(status, headers).end(body);
}

/** A body that never ends. */
function endless(piece: string, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    const more = (): void => {
      while (!response.destroyed && response.write(piece.repeat(1_000)));
    };
    response.write("[");
    response.on("drain", more);
    response.on("error", () => {});
    more();
  };
}

/** Repeats all that it was told. */
const echo: Answer = (request, response) => {
  const { authorization = "", cookie = "" } = request.headers;
  const words = `you said ${authorization} fedcba9876543210 ${cookie} c00kie-canary`;
  response.writeHead(403, { "content-type": "application/json" }).end(JSON.stringify({ error: words }));
};

const ids = (count: number) => Array.from({ length: count }, (_, at) => at.toString(16).padStart(64, "0"));

const checksum = { "x-docker-checksum-payload": JSON.stringify([`sha256:${"0".repeat(64)}`]) };

describe("pull() from a registry of version 1 that is not ours", () => {
  it("makes an image of it", async () => {
    const server = await serve();
    const engine = await engineFor(server);
    const { images } = await engine.pull(`${server.host}/team/app:1`);
    expect(images).toMatchObject([{ kind: "image" }]);
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it.each<[string, Partial<V1ServerOptions>, RegExp, string?]>([
    [
      "a tag that is no id",
      { answers: { "/v1/repositories/team/app/tags/1": says("../../../v2/") } },
      /got no image id$/,
    ],
    [
      "a tag that is a table",
      { answers: { "/v1/repositories/team/app/tags/1": says({ id: ID }) } },
      /got no image id$/,
    ],
    [
      "an ancestry of ids that are none",
      { answers: { "/v1/images/*/ancestry": says(["x", "y"]) } },
      /image ids$/,
    ],
    ["an ancestry that is no list", { answers: { "/v1/images/*/ancestry": says({}) } }, /image ids$/],
    [
      "an empty ancestry",
      { answers: { "/v1/images/*/ancestry": says([]) } },
      /the ancestry of another image/,
    ],
    [
      "the ancestry of another image",
      { answers: { "/v1/images/*/ancestry": says([ID]) } },
      /the ancestry of another image/,
    ],
    [
      "an ancestry that is too long",
      { answers: { "/v1/images/*/ancestry": says(ids(4_097)) } },
      /at most 4096 image ids$/,
    ],
    ["an ancestry without end", { answers: { "/v1/images/*/ancestry": endless(`"${ID}",`) } }, /longer than/],
    ["documents of another image", { top: { id: ID } }, /got the one of another image$/],
    [
      "a document with two ids",
      { answers: { "/v1/images/*/json": raw(200, `{"id":"a","id":"b"}`) } },
      /got key "id" twice/,
    ],
    ["a document with another parent", { top: { parent: ID } }, /another parent than its ancestry says/],
    ["a document that is a list", { answers: { "/v1/images/*/json": says([]) } }, /wanted one object/],
    [
      "a document that is no JSON",
      { answers: { "/v1/images/*/json": raw(200, "nothing") } },
      /not valid JSON|wanted one object/,
    ],
    ["a document without end", { answers: { "/v1/images/*/json": endless(" ") } }, /longer than/],
    ["a config that is none", { top: { config: "rm -rf" } }, /Invalid config/],
    [
      "a layer that is too long",
      { topHeaders: { "x-docker-size": "10" } },
      /got more than the 10 bytes wanted$/,
    ],
    [
      "a layer that is too short",
      { topHeaders: { "x-docker-size": "30000" } },
      /got 20000 bytes, wanted 30000$/,
    ],
    [
      "a layer of another checksum",
      { topHeaders: checksum },
      /^verify layer \w+: got checksum sha256:\w+, wanted sha256:0+$/,
    ],
    ["a layer that is no gzip", { layers: [Buffer.from([0x1f, 0x8b, 8, 1, 2, 3])] }, /cannot decompress/],
    [
      "a layer in xz",
      { layers: [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0])] },
      /compressed with xz, which layers cannot be/,
    ],
    [
      "a page of a proxy",
      { answers: { "/v1/_ping": raw(200, "<html>", { "content-type": "text/html" }) } },
      /no registry API v1 here/,
    ],
  ])("refuses %s", async (_, options, words) => {
    const server = await serve(options);
    const engine = await engineFor(server);
    const error = await failureOf(engine.pull(`${server.host}/team/app:1`));
    const all = findError(error)?.errors ?? [error];
    expect(findError(all.at(-1))?.message).toMatch(words);
    expect(findError(all.at(-1))?.endpoint).toBe(server.url);
    expect(await namesOn(engine.root)).toEqual([]);
    await until(async () => {
      await engine.prune({ minAgeMs: 0 }); // of the other layer, too, which may have been complete when the pull failed
      return (await blobsOn(engine.root)).length === 0;
    });
  });

  it("refuses an ancestry that leads in a circle", async () => {
    const server = await serve();
    const circle = [...server.ids, server.ids[0]];
    const second = await serve({ answers: { "/v1/images/*/ancestry": says(circle) } });
    const engine = await engineFor(second);
    const error = await failureOf(engine.pull(`${second.host}/team/app:1`));
    expect(error.message).toMatch(/leads in a circle$/);
  });

  it("takes a layer of which nobody says how long it is", async () => {
    const tar = gzipSync("x".repeat(50_000));
    const chunked: Answer = (_, response) => {
      response.writeHead(200);
      response.write(tar);
      response.end();
    };
    const server = await serve({
      layers: [tar],
      topHeaders: { "x-docker-size": "-1" },
      answers: { "/v1/images/*/layer": chunked },
    });
    const engine = await engineFor(server);
    await engine.pull(`${server.host}/team/app:1`);
    expect(await blobsOn(engine.root)).toHaveLength(3);
  });

  it("takes layers without a byte for empty ones", async () => {
    const server = await serve({ layers: [Buffer.alloc(0), ...LAYERS] });
    const engine = await engineFor(server);
    await engine.pull(`${server.host}/team/app:1`);
    await engine.prune({ minAgeMs: 0 });
    expect(await blobsOn(engine.root)).toHaveLength(4);
  });

  it("downloads nothing of an image whose config would be too long", async () => {
    const comment = "x".repeat(1_000_000);
    const server = await serve({ layers: [1, 2, 3, 4, 5].map((size) => Buffer.alloc(size, "x")), comment });
    const engine = await engineFor(server);
    const error = await failureOf(engine.pull(`${server.host}/team/app:1`));
    expect(error.message).toMatch(/make image config: got \d+ bytes, wanted at most 4194304$/);
    expect(server.seen.filter((line) => line.endsWith("/layer"))).toEqual([]);
  });

  it("leaves nothing but an ingest of a layer that never ends", async () => {
    const server = await serve({
      topHeaders: { "x-docker-size": "100000" },
      answers: { "/v1/images/*/layer": endless("y") },
    });
    const engine = await engineFor(server);
    const error = await failureOf(engine.pull(`${server.host}/team/app:1`));
    expect(error.message).toMatch(/got more than the 100000 bytes wanted$/);
    expect(await namesOn(engine.root)).toEqual([]);
  });
});

describe("what a registry of version 1 gets to see", () => {
  it("shows credentials to the index, and tokens to the hosts that it names", async () => {
    const images = await serve();
    const token = 'signature=0123456789abcdef,repository="team/app",access=read';
    const index = await serve({
      answers: {
        "/v1/_ping": says({}, { "x-docker-registry-standalone": "False" }),
        "/v1/repositories/team/app/images": says([], {
          "x-docker-endpoints": `not a host, ${images.host}`,
          "x-docker-token": token,
          "set-cookie": "session=of-the-index; Domain=127.0.0.1",
        }),
      },
    });
    const engine = await engineFor(index, true);
    await engine.pull(`${index.host}/team/app:1`);
    const basic = Buffer.from(`alice:${SECRET}`).toString("base64");
    expect(index.received()).toContain(`Basic ${basic}`);
    expect(index.seen.filter((line) => line.includes("/v1/images/"))).toEqual([]);
    expect(images.received()).toContain(`Token ${token}`);
    expect(images.received()).not.toMatch(/basic|of-the-index|cookie/i);
    expect(images.received()).not.toContain(basic);
  });

  it("shows no credentials to a host that has no token either", async () => {
    const images = await serve();
    const index = await serve({
      answers: { "/v1/repositories/team/app/images": says([], { "x-docker-endpoints": images.host }) },
    });
    const engine = await engineFor(index, true);
    await engine.pull(`${index.host}/team/app:1`);
    expect(images.received()).not.toMatch(/authorization|cookie/i);
  });

  it("goes on at the next host that is named", async () => {
    const images = await serve();
    const index = await serve({
      answers: {
        "/v1/repositories/team/app/images": says([], { "x-docker-endpoints": `127.0.0.1:1, ${images.host}` }),
      },
    });
    const engine = await engineFor(index);
    await engine.pull(`${index.host}/team/app:1`);
    expect(images.seen.some((line) => line.endsWith("/layer"))).toBe(true);
  });

  it("sends a cookie back to who has set it, and nothing along with a redirect", async () => {
    const storage = await serve();
    const layer = storage.ids[0];
    const server = await serve({
      answers: {
        "/v1/repositories/team/app/tags/1": says(layer, { "set-cookie": "session=abc123; Path=/; HttpOnly" }),
        "/v1/images/*/layer": raw(302, "", {
          location: `${storage.url}/v1/images/${layer}/layer`,
          "set-cookie": "other=1",
        }),
      },
    });
    const engine = await engineFor(server, true);
    await engine.pull(`${server.host}/team/app:1`);
    expect(server.received()).toMatch(
      /GET \/v1\/images\/\w+\/ancestry HTTP\/1\.1\r\n(?:.+\r\n)*cookie: session=abc123\r\n/i,
    );
    expect(storage.seen).toEqual([`GET /v1/images/${layer}/layer`]);
    expect(storage.received()).not.toMatch(/authorization|cookie/i);
  });

  it("sends a token along, and names it nowhere", async () => {
    const token = "signature=fedcba9876543210,access=read";
    const server = await serve({
      answers: {
        "/v1/_ping": says({}, { "x-docker-registry-standalone": "False" }),
        "/v1/repositories/team/app/images": says([], {
          "x-docker-token": token,
          "set-cookie": "session=c00kie-canary",
        }),
        "/v1/images/*/json": echo,
      },
    });
    const engine = await engineFor(server, true);
    const error = await failureOf(engine.pull(`${server.host}/team/app:1`));
    const told = JSON.stringify([error.message, findError(error)?.errors, logger.entries, error.stack]);
    expect(server.received()).toContain(`Token ${token}`);
    expect(told).toContain("you said");
    expect(told).not.toMatch(/fedcba9876543210|c00kie-canary|hunter2/);
  });
});
