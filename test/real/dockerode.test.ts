import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type BuiltImage, TestRegistry } from "../../src/testing.ts";
import { isPart } from "../distribution/support/requests.ts";
import { until } from "../distribution/support/until.ts";
import { type Api, messagesIn, openApi } from "../docker-api/support/api.ts";
import { LARGE, putAppImages, stallBlob } from "../docker-api/support/app-images.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { describeReal } from "./support/describe-real.ts";
import { type Dockerode, type DockerodeMessage, followed, openDockerode } from "./support/dockerode.ts";
import { NPM_PART } from "./support/npm-part.ts";

const ACCOUNT = { username: "u", password: "p" };

describeReal("dockerode", [NPM_PART], () => {
  const keep = closingAfterEach();
  let registry: TestRegistry;
  /** Tags of `team/app`; they share their lowest layer. */
  let one: BuiltImage;
  let two: BuiltImage;
  let name: string;
  let api: Api;
  let docker: Dockerode;

  beforeAll(async () => {
    registry = await TestRegistry.start();
    ({ one, two, name } = await putAppImages(registry));
  });

  afterAll(() => registry.close());

  beforeEach(async () => {
    api = keep(await openApi());
    docker = openDockerode(api.socket);
  });

  async function pull(reference: string, options: object = {}): Promise<readonly DockerodeMessage[]> {
    return await followed(docker, await docker.pull(reference, options));
  }

  async function ids(filters: Readonly<Record<string, readonly string[]>> = {}): Promise<readonly string[]> {
    return (await docker.listImages({ filters })).map(({ Id }) => Id).toSorted();
  }

  const bothIds = (): readonly string[] => [one, two].map(({ config }) => config.digest).toSorted();

  it("pulls with progress, lists, inspects, tags and removes", async () => {
    registry.fault(
      { kind: "blob", digest: String(one.layers[0]?.descriptor.digest) },
      { bytesPerSecond: 10_000_000 },
    );
    const messages = await pull(`${name}:v1`);
    expect(messages).toContainEqual(
      expect.objectContaining({
        status: "Downloading",
        progressDetail: { current: expect.any(Number), total: expect.any(Number) },
      }),
    );
    expect(messages.at(-1)).toEqual({ status: `Status: Downloaded newer image for ${name}:v1` });
    expect(await ids()).toEqual([one.config.digest]);
    expect(await ids({ label: ["a=b"] })).toEqual([one.config.digest]);
    expect(await ids({ dangling: ["true"] })).toEqual([]);

    const image = docker.getImage(`${name}:v1`);
    await image.tag({ repo: "copy", tag: "x" });
    const inspected = await docker.getImage("copy:x").inspect();
    expect(inspected).toMatchObject({
      Id: one.config.digest,
      RepoTags: [`${name}:v1`, "copy:x"],
      RepoDigests: [`${name}@${one.descriptor.digest}`],
      Config: { Labels: { a: "b" } },
    });
    expect((await image.history())[0]?.Id).toBe(one.config.digest);
    expect(await docker.getImage("copy:x").remove()).toEqual([{ Untagged: "copy:x" }]);
    expect((await image.remove()).at(-1)).toHaveProperty("Deleted");
    expect(await ids()).toEqual([]);
    await expect(image.inspect()).rejects.toMatchObject({ statusCode: 404, reason: "no such image" });
  });

  it("pulls for another platform", async () => {
    const many = `${registry.host}/team/many:v1`;
    await pull(many, { platform: "linux/arm64" });
    expect(await docker.getImage(many).inspect()).toMatchObject({ Architecture: "arm64" });
  });

  it("is told of failures, before the first message and in the middle", async () => {
    await expect(docker.pull(`${name}:none`)).rejects.toMatchObject({ statusCode: 404 });
    const digest = String(two.layers[1]?.descriptor.digest);
    const fault = registry.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, { status: 404 });
    const messages = await pull(`${name}:v2`);
    expect(messages.at(-1)).toMatchObject({ errorDetail: { message: expect.stringContaining(digest) } });
    fault.remove();
    await expect(docker.createContainer({ Image: name })).rejects.toMatchObject({
      statusCode: 501,
      message: expect.stringContaining("this engine keeps images and has no container"),
    });
    expect(await docker.listContainers()).toEqual([]);
  });

  it("cancels by a signal, and not for another one that pulls the same", async () => {
    const digest = String(one.layers[0]?.descriptor.digest);
    const before = registry.requests.length;
    const fault = stallBlob(registry, digest);
    const staying = pull(`${name}:v1`);
    await until(async () => fault.hits > 0);
    const leave = new AbortController();
    const leaving = await docker.pull(`${name}:v1`, { abortSignal: leave.signal });
    const left = buffer(leaving);
    leave.abort();
    await expect(left).rejects.toThrow();
    fault.release();
    fault.remove();
    expect((await staying).at(-1)).toEqual({ status: `Status: Downloaded newer image for ${name}:v1` });
    const asked = registry.requests
      .slice(before)
      .filter((request) => request.digest === digest && !isPart(request));
    expect(asked).toHaveLength(1); // had it ended for the other one as well, that one would ask anew
  });

  it("cancels what nobody else wants", async () => {
    const digest = String(one.layers[0]?.descriptor.digest);
    const before = registry.requests.length;
    const fault = stallBlob(registry, digest);
    const leave = new AbortController();
    const left = buffer(await docker.pull(`${name}:v1`, { abortSignal: leave.signal }));
    await until(async () => fault.hits > 0);
    leave.abort();
    await expect(left).rejects.toThrow();
    const asked = registry.requests.slice(before).filter((request) => request.digest === digest);
    await until(async () => asked.every(({ state }) => state === "aborted"));
    fault.remove();
    expect(await ids()).toEqual([]);
  });

  it("pushes with credentials, and hears where there are none", async () => {
    const guarded = keep(await TestRegistry.start({ auth: { basic: ACCOUNT } }));
    await pull(`${name}:v1`);
    const image = docker.getImage(`${guarded.host}/team/copy`);
    await docker.getImage(`${name}:v1`).tag({ repo: `${guarded.host}/team/copy`, tag: "v3" });
    const refused = await followed(docker, await image.push({ tag: "v3" }));
    expect(refused.at(-1)).toHaveProperty("errorDetail.message");

    const authconfig = { ...ACCOUNT, serveraddress: guarded.host };
    const pushed = await followed(docker, await image.push({ tag: "v3", authconfig }));
    expect(pushed.at(-1)).toMatchObject({ aux: { Tag: "v3", Digest: one.descriptor.digest } });
    await expect(docker.pull(`${guarded.host}/team/copy:v3`)).rejects.toMatchObject({ statusCode: 500 });
    const pulled = await pull(`${guarded.host}/team/copy:v3`, { authconfig });
    expect(pulled).toContainEqual({ status: `Digest: ${one.descriptor.digest}` });
    expect(await docker.checkAuth(authconfig)).toMatchObject({ Status: "Login Succeeded" });
    await expect(docker.checkAuth({ ...authconfig, password: "wrong" })).rejects.toMatchObject({
      statusCode: 401,
    });
  });

  it("saves, prunes and loads", async () => {
    await pull(`${name}:v1`);
    await pull(`${name}:v2`);
    const archives = [];
    for (const tag of ["v1", "v2"])
      archives.push(await buffer(await docker.getImage(`${name}:${tag}`).get()));
    const { ImagesDeleted } = await docker.pruneImages({ filters: { dangling: ["false"] } });
    expect(ImagesDeleted).toContainEqual({ Untagged: `${name}:v1` });
    expect(await ids()).toEqual([]);
    for (const archive of archives) {
      const loaded = await followed(docker, await docker.loadImage(Readable.from([archive])));
      expect(loaded).toContainEqual({ stream: expect.stringContaining(`Loaded image: ${name}:v`) });
    }
    expect(await ids()).toEqual(bothIds());
  });

  it("asks about the engine, its disk, a name at its registry and what has happened", async () => {
    await pull(`${name}:v1`);
    expect((await docker.ping()).toString()).toBe("OK");
    expect((await docker.version()).ApiVersion).toBe("1.51");
    expect((await docker.info()).Images).toBe(1);
    const df = await docker.df();
    expect(df.Images.map(({ Id }) => Id)).toEqual([one.config.digest]);
    expect(df.LayersSize).toBeGreaterThan(LARGE);
    const { Descriptor } = await docker.getImage(`${name}:v2`).distribution();
    expect(Descriptor.digest).toBe(two.descriptor.digest);
    const now = Date.now() / 1000;
    const heard = await buffer(await docker.getEvents({ since: 1, until: now }));
    expect(messagesIn(heard.toString()).map(({ Action }) => Action)).toEqual(["pull"]);
  });
});
