import { describe, expect, it } from "vitest";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { type Api, openApi } from "./support/api.ts";

const keep = closingAfterEach();

const CREATED = "2026-01-02T03:04:05Z";

interface Stage {
  readonly api: Api;
  readonly registry: TestRegistry;
  readonly repository: string;
}

/** An engine with `team/app:v1`, of two layers. */
async function openStage(): Promise<Stage & { readonly image: Awaited<ReturnType<typeof buildImage>> }> {
  const registry = keep(await TestRegistry.start());
  const image = await buildImage(registry, "team/app", {
    tag: "v1",
    layers: [20_000, 1_000],
    config: {
      created: CREATED,
      author: "somebody",
      config: { Cmd: ["/bin/true"], Labels: { a: "b" }, WorkingDir: "/w" },
      history: [
        { created: CREATED, created_by: "ADD base" },
        { created: CREATED, created_by: "ENV a=b", empty_layer: true },
        { created: CREATED, created_by: "ADD top", comment: "last" },
      ],
    },
  });
  const api = keep(await openApi());
  const repository = `${registry.host}/team/app`;
  await api.engine.pull(`${repository}:v1`, { platform: "linux/amd64" });
  return { api, registry, repository, image };
}

describe("GET /images/json", () => {
  it("lists nothing as an empty array", async () => {
    const api = keep(await openApi());
    expect((await api.ask("GET /v1.51/images/json")).json()).toEqual([]);
  });

  it("tells each image once, with all its names and its digest at the registry", async () => {
    const { api, repository, image } = await openStage();
    await api.engine.tag(`${repository}:v1`, "other:x");
    const size = [image.descriptor, image.config, ...image.layers.map(({ descriptor }) => descriptor)].reduce(
      (sum, { size: bytes }) => sum + bytes,
      0,
    );
    expect((await api.ask("GET /images/json")).json()).toEqual([
      {
        Containers: 0,
        Created: Date.parse(CREATED) / 1000,
        Id: image.config.digest,
        Labels: { a: "b" },
        ParentId: "",
        RepoDigests: [`${repository}@${image.descriptor.digest}`],
        RepoTags: [`${repository}:v1`, "other:x"],
        SharedSize: -1,
        Size: size,
      },
    ]);
  });

  it.each([
    ["reference", "*/team/app", 1],
    ["reference", "*/team/*:v2", 0],
    ["label", "a=b", 1],
    ["label", "a=c", 0],
    ["label!", "a", 0],
    ["until", "2026-06-01T00:00:00Z", 1],
    ["until", "1000", 0],
    ["dangling", "true", 0],
    ["dangling", "false", 1],
  ])("keeps to the filter %s=%s", async (name, value, count) => {
    const { api } = await openStage();
    for (const filters of [{ [name]: { [value]: true } }, { [name]: [value] }]) {
      const query = encodeURIComponent(JSON.stringify(filters));
      expect((await api.ask(`GET /images/json?filters=${query}`)).json()).toHaveLength(count);
    }
  });

  it("shows none of the digests that a filter leaves out", async () => {
    const { api, repository } = await openStage();
    const filters = encodeURIComponent(JSON.stringify({ reference: [`${repository}:v1`] }));
    const listed = (await api.ask(`GET /images/json?filters=${filters}`)).json();
    expect(listed).toMatchObject([{ RepoTags: [`${repository}:v1`], RepoDigests: [] }]);
  });

  it.each([
    ["xx", "invalid filter"],
    ['{"nosuch":["x"]}', "invalid filter 'nosuch'"],
    ['{"dangling":["maybe"]}', "invalid filter 'dangling=[maybe]'"],
  ])("refuses the filters %s", async (filters, message) => {
    const api = keep(await openApi());
    const answer = await api.ask(`GET /images/json?filters=${encodeURIComponent(filters)}`);
    expect([answer.status, answer.json()]).toEqual([400, { message }]);
  });
});

describe("GET /images/NAME/json", () => {
  it("tells what dockerd tells, by name, digest, ID and the beginning of an ID", async () => {
    const { api, repository, image } = await openStage();
    const { digest } = image.config;
    const texts = [
      `${repository}:v1`,
      `${repository}@${image.descriptor.digest}`,
      digest,
      digest.slice("sha256:".length),
      digest.slice("sha256:".length, 19),
    ];
    for (const text of texts) {
      const answer = await api.ask(`GET /v1.51/images/${text}/json`);
      expect(answer.json()).toMatchObject({
        Id: digest,
        RepoTags: [`${repository}:v1`],
        RepoDigests: [`${repository}@${image.descriptor.digest}`],
        Created: CREATED,
        Author: "somebody",
        Comment: "last",
        Architecture: "amd64",
        Os: "linux",
        RootFS: { Type: "layers", Layers: image.layers.map(({ diffId }) => diffId) },
        Config: {
          Cmd: ["/bin/true"],
          Entrypoint: null,
          Env: null,
          Labels: { a: "b" },
          User: "",
          WorkingDir: "/w",
        },
        Descriptor: { digest: image.descriptor.digest },
      });
    }
  });

  it("takes what an image says of itself only where it is what it should be", async () => {
    const registry = keep(await TestRegistry.start());
    const config = { created: 7, author: { a: 1 }, config: { Labels: ["a"], User: 0 }, history: "none" };
    await buildImage(registry, "team/odd", { tag: "v1", layers: [10], config });
    const api = keep(await openApi());
    await api.engine.pull(`${registry.host}/team/odd:v1`, { platform: "linux/amd64" });
    const answer = await api.ask(`GET /images/${registry.host}/team/odd:v1/json`);
    expect(answer.json()).toMatchObject({
      Created: "0001-01-01T00:00:00Z",
      Author: "",
      Config: { Labels: null, User: "" },
    });
    expect((await api.ask("GET /images/json")).status).toBe(200);
    expect((await api.ask(`GET /images/${registry.host}/team/odd:v1/history`)).json()).toEqual([]);
  });

  it("chooses by platform", async () => {
    const registry = keep(await TestRegistry.start());
    const images = [];
    for (const architecture of ["amd64", "arm64"]) {
      images.push(
        await buildImage(registry, "team/many", { layers: [100], platform: { os: "linux", architecture } }),
      );
    }
    buildIndex(registry, "team/many", { tag: "v1", images });
    const api = keep(await openApi());
    const name = `${registry.host}/team/many:v1`;
    await api.engine.pull(name, { allPlatforms: true });
    const arm = encodeURIComponent('{"os":"linux","architecture":"arm64"}');
    const chosen = await api.ask(`GET /images/${name}/json?platform=${arm}`);
    expect(chosen.json()).toMatchObject({ Id: images[1]?.config.digest, Architecture: "arm64" });
    const missing = await api.ask(`GET /images/${name}/json?platform=linux%2Fs390x`);
    expect([missing.status, missing.json()]).toEqual([
      404,
      {
        message: `image with reference ${name} was found but does not provide the specified platform (linux/s390x)`,
      },
    ]);
  });

  it.each([
    ["nosuch", 404, "No such image: nosuch:latest"],
    ["nosuch:v1", 404, "No such image: nosuch:v1"],
    ["a..b", 400, "invalid reference format"],
  ])("says as dockerd does what is wrong with %s", async (text, status, message) => {
    const api = keep(await openApi());
    const answer = await api.ask(`GET /images/${text}/json`);
    expect([answer.status, answer.headers["content-type"]]).toEqual([status, "application/json"]);
    expect(answer.json()).toEqual({ message: expect.stringContaining(message) });
  });
});

describe("GET /images/NAME/history", () => {
  it("tells the newest step first, with the sizes of the layers that steps left", async () => {
    const { api, repository, image } = await openStage();
    const [base, top] = image.layers.map(({ descriptor }) => descriptor.size);
    const Created = Date.parse(CREATED) / 1000;
    expect((await api.ask(`GET /images/${repository}:v1/history`)).json()).toEqual([
      {
        Comment: "last",
        Created,
        CreatedBy: "ADD top",
        Id: image.config.digest,
        Size: top,
        Tags: [`${repository}:v1`],
      },
      { Comment: "", Created, CreatedBy: "ENV a=b", Id: "<missing>", Size: 0, Tags: null },
      { Comment: "", Created, CreatedBy: "ADD base", Id: "<missing>", Size: base, Tags: null },
    ]);
  });
});

describe("POST /images/NAME/tag and DELETE /images/NAME", () => {
  it("takes an image for what it is by ID", async () => {
    const { api, image } = await openStage();
    const answer = await api.ask(
      `POST /images/${image.config.digest}/tag?repo=docker.io%2Flibrary%2Fx&tag=1`,
    );
    expect([answer.status, answer.body.length]).toEqual([201, 0]);
    expect(await api.engine.images.get("x:1")).toMatchObject({ target: { digest: image.descriptor.digest } });
  });

  it("says which image is not there", async () => {
    const api = keep(await openApi());
    for (const line of ["POST /images/nosuch:v1/tag?repo=x", "DELETE /images/nosuch:v1"]) {
      const answer = await api.ask(line);
      expect([answer.status, answer.json()]).toEqual([404, { message: "No such image: nosuch:v1" }]);
    }
  });

  it("untags while names are left, and removes the image with the last one", async () => {
    const { api, repository, image } = await openStage();
    await api.engine.tag(`${repository}:v1`, `${repository}:v2`);
    const one = await api.ask(`DELETE /images/${repository}:v1`);
    expect(one.json()).toEqual([{ Untagged: `${repository}:v1` }]);
    const other = await api.ask(`DELETE /images/${repository}:v2`);
    expect(other.json()).toEqual([
      { Untagged: `${repository}:v2` },
      { Untagged: `${repository}@${image.descriptor.digest}` },
      { Deleted: image.config.digest },
      { Deleted: expect.stringMatching(/^sha256:/) },
      { Deleted: image.layers[0]?.diffId },
    ]);
    expect((await api.ask("GET /images/json")).json()).toEqual([]);
  });

  it("wants force for an ID with names of several repositories", async () => {
    const { api, repository, image } = await openStage();
    await api.engine.tag(`${repository}:v1`, "other:x");
    const id = image.config.digest.slice("sha256:".length, 19);
    const refused = await api.ask(`DELETE /images/${id}`);
    const message = `conflict: unable to delete ${id} (must be forced) - image is referenced in multiple repositories`;
    expect([refused.status, refused.json()]).toEqual([409, { message }]);
    const forced = await api.ask(`DELETE /images/${id}?force=1`);
    expect(forced.json()).toEqual(
      expect.arrayContaining([{ Untagged: `${repository}:v1` }, { Untagged: "other:x" }]),
    );
    expect(await api.engine.images.list()).toEqual([]);
  });

  it("takes names by digest away with the last tag of their repository, and is asked for no more than that", async () => {
    const { api, repository, image } = await openStage();
    const digested = `${repository}@${image.descriptor.digest}`;
    const refused = await api.ask(`DELETE /images/${digested}`);
    expect([refused.status, await api.engine.images.list()]).toEqual([409, [expect.anything()]]);
    await api.engine.pull(digested, { platform: "linux/amd64" });
    const removed = await api.ask(`DELETE /images/${repository}:v1`);
    expect(removed.json()).toEqual(
      expect.arrayContaining([
        { Untagged: `${repository}:v1` },
        { Untagged: digested },
        { Deleted: image.config.digest },
      ]),
    );
    expect(await api.engine.images.list()).toEqual([]);
  });

  it("keeps the layers that other images have", async () => {
    const { api, registry, repository, image } = await openStage();
    const second = await buildImage(registry, "team/app", { tag: "v2", layers: [20_000, 2_000] });
    await api.engine.pull(`${repository}:v2`, { platform: "linux/amd64" });
    const removed = await api.ask(`DELETE /images/${repository}:v2`);
    expect(second.layers[0]?.diffId).toBe(image.layers[0]?.diffId);
    expect(removed.body.toString()).not.toContain(String(image.layers[0]?.diffId));
  });
});

describe("POST /images/prune and GET /system/df", () => {
  it("leaves what has a name unless all is to go", async () => {
    const { api, image } = await openStage();
    expect((await api.ask("POST /images/prune")).json()).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    const all = encodeURIComponent('{"dangling":{"false":true}}');
    const pruned = (await api.ask(`POST /images/prune?filters=${all}`)).json();
    expect(pruned).toMatchObject({
      ImagesDeleted: expect.arrayContaining([{ Deleted: image.config.digest }]),
    });
    expect(pruned).toHaveProperty("SpaceReclaimed", expect.any(Number));
    expect(await api.engine.images.list()).toEqual([]);
  });

  it("tells how much images share", async () => {
    const { api, registry, repository, image } = await openStage();
    await buildImage(registry, "team/app", { tag: "v2", layers: [20_000, 2_000] });
    await api.engine.pull(`${repository}:v2`, { platform: "linux/amd64" });
    const answer = (await api.ask("GET /system/df")).json() as { readonly Images: readonly object[] };
    expect(answer).toMatchObject({
      Containers: [],
      Volumes: [],
      BuildCache: [],
      LayersSize: expect.any(Number),
    });
    const SharedSize = image.layers[0]?.descriptor.size;
    expect(answer.Images).toMatchObject([{ SharedSize }, { SharedSize }]);
  });
});
