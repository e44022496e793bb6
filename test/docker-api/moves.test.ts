import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { gets } from "../distribution/support/requests.ts";
import { until } from "../distribution/support/until.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { messagesIn, openApi } from "./support/api.ts";
import { stallBlob } from "./support/app-images.ts";

const keep = closingAfterEach();

/** What a client sends along to be known at a registry. */
function authHeader(credentials: object): Readonly<Record<string, string>> {
  return { "x-registry-auth": Buffer.from(JSON.stringify(credentials)).toString("base64url") };
}

const AMD64 = "platform=linux%2Famd64";

describe("POST /images/create", () => {
  it("tells docker's messages, each with CR and LF", async () => {
    const registry = keep(await TestRegistry.start());
    const { descriptor } = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const api = keep(await openApi());
    const name = `${registry.host}/team/app`;
    const answer = await api.ask(`POST /v1.51/images/create?fromImage=${name}&tag=v1&${AMD64}`);
    expect([answer.status, answer.headers["transfer-encoding"]]).toEqual([200, "chunked"]);
    expect(answer.body.toString()).toMatch(/^(?:\{[^\r\n]*\}\r\n)+$/);
    const messages = answer.messages();
    expect(messages[0]).toEqual({ status: "Pulling from team/app", id: "v1" });
    expect(messages[1]).toMatchObject({ status: "Pulling fs layer", progressDetail: {} });
    expect(messages.slice(-2)).toEqual([
      { status: `Digest: ${descriptor.digest}` },
      { status: `Status: Downloaded newer image for ${name}:v1` },
    ]);
  });

  it.each([
    ["fromImage=NAME:v1", ["v1"]],
    ["fromImage=NAME&tag=DIGEST", ["DIGEST"]],
    ["fromImage=NAME:v2&tag=DIGEST", ["DIGEST"]],
    ["fromImage=NAME", ["v1", "v2"]],
  ])("reads %s as dockerd does", async (query, wanted) => {
    const registry = keep(await TestRegistry.start());
    const { descriptor } = await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
    await buildImage(registry, "team/app", { tag: "v2", layers: [60] });
    const api = keep(await openApi());
    const name = `${registry.host}/team/app`;
    const filled = query.replace("NAME", name).replace("DIGEST", descriptor.digest);
    const answer = await api.ask(`POST /images/create?${filled}&${AMD64}`);
    expect(answer.messages().at(-1)).toMatchObject({ status: expect.stringMatching(/^Status: /) });
    const names = (await api.engine.images.list()).map((image) => image.name);
    const isDigest = wanted[0] === "DIGEST";
    expect(names).toEqual(
      isDigest ? [`${name}@${descriptor.digest}`] : wanted.map((tag) => `${name}:${tag}`),
    );
  });

  it.each([
    ["fromImage=HOST/no/such&tag=v1", 404, "HOST/no/such not found"],
    ["fromImage=HOST/UP&tag=v1", 400, "must be lowercase"],
    ["fromImage=HOST/team/app&tag=v1&platform=a%2Fb%2Fc%2Fd", 400, "platform"],
    ["fromSrc=-", 501, "keeps images as they were made"],
    ["tag=v1", 400, "invalid reference format"],
  ])("answers %s with a status", async (query, status, message) => {
    const registry = keep(await TestRegistry.start());
    const api = keep(await openApi());
    const answer = await api.ask(`POST /images/create?${query.replace("HOST", registry.host)}`);
    expect(answer.status).toBe(status);
    expect(answer.json()).toEqual({
      message: expect.stringContaining(message.replace("HOST", registry.host)),
    });
  });

  it("says as dockerd does what of it was here already", async () => {
    const registry = keep(await TestRegistry.start());
    const layers = [5_000, 600];
    const { descriptor } = await buildImage(registry, "team/app", { tag: "v1", layers });
    await buildImage(registry, "team/app", { tag: "v2", layers, config: { config: { Labels: { a: "b" } } } });
    const api = keep(await openApi());
    const name = `${registry.host}/team/app`;
    const pull = async (query: string): Promise<readonly unknown[]> =>
      (await api.ask(`POST /images/create?fromImage=${name}${query}&${AMD64}`))
        .messages()
        .map(({ status }) => status)
        .filter((status) => /^(?:Already|Status)/.test(String(status)));
    await pull("&tag=v1");
    expect(await pull("&tag=v1")).toEqual([`Status: Image is up to date for ${name}:v1`]);
    expect(await pull(`&tag=${descriptor.digest}`)).toEqual([
      `Status: Image is up to date for ${name}@${descriptor.digest}`,
    ]);
    // The layers of the image that is new, and not those of the one that is here.
    const both = ["Already exists", "Already exists"];
    expect(await pull("")).toEqual([...both, `Status: Downloaded newer image for ${name}`]);
    expect(await pull("")).toEqual([`Status: Image is up to date for ${name}`]);
  });

  it("says that there is another image where a name means another platform than before", async () => {
    const registry = keep(await TestRegistry.start());
    const images = [await buildImage(registry, "team/many", { layers: [100] })];
    const platform = { os: "linux", architecture: "arm64" };
    images.push(await buildImage(registry, "team/many", { layers: [200], platform }));
    buildIndex(registry, "team/many", { tag: "v1", images });
    const api = keep(await openApi());
    const status: unknown[] = [];
    for (const architecture of ["arm64", "amd64", "amd64"]) {
      const query = `fromImage=${registry.host}/team/many:v1&platform=linux%2F${architecture}`;
      status.push((await api.ask(`POST /images/create?${query}`)).messages().at(-1)?.["status"]);
    }
    const [newer, same] = ["Downloaded newer image", "Image is up to date"];
    expect(status).toEqual(
      [newer, newer, same].map((what) => `Status: ${what} for ${registry.host}/team/many:v1`),
    );
  });

  it("ends what it has begun with the failure as docker's clients look for it", async () => {
    const registry = keep(await TestRegistry.start());
    const { layers } = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const digest = String(layers[0]?.descriptor.digest);
    registry.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, { status: 404 });
    const api = keep(await openApi());
    const answer = await api.ask(`POST /images/create?fromImage=${registry.host}/team/app:v1&${AMD64}`);
    const last = answer.messages().at(-1);
    expect(answer.status).toBe(200);
    expect(last).toEqual({
      errorDetail: { message: last?.["error"] },
      error: expect.stringContaining(digest),
    });
  });

  it.each([
    ["a password", { username: "u", password: "p", serveraddress: "x" }, 200],
    ["a wrong password", { username: "u", password: "no" }, 500],
    ["nothing", {}, 500],
  ])("knows a client by %s, and never asks for a password itself", async (_, credentials, status) => {
    const registry = keep(await TestRegistry.start({ auth: { basic: { username: "u", password: "p" } } }));
    await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
    const api = keep(await openApi());
    const query = `fromImage=${registry.host}/team/app&tag=v1&${AMD64}`;
    const answer = await api.ask(`POST /images/create?${query}`, { headers: authHeader(credentials) });
    expect(answer.status).toBe(status);
  });

  it("goes on without credentials that cannot be read", async () => {
    const registry = keep(await TestRegistry.start());
    await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
    const api = keep(await openApi());
    for (const text of ["!!!", "bm8", Buffer.from("[]").toString("base64url")]) {
      const headers = { "x-registry-auth": text };
      const query = `fromImage=${registry.host}/team/app&tag=v1&${AMD64}`;
      expect((await api.ask(`POST /images/create?${query}`, { headers })).status).toBe(200);
    }
  });

  it("cancels for a client that leaves, and for nobody else", async () => {
    const registry = keep(await TestRegistry.start());
    const { layers } = await buildImage(registry, "team/app", { tag: "v1", layers: [300_000] });
    const digest = String(layers[0]?.descriptor.digest);
    const fault = stallBlob(registry, digest);
    const api = keep(await openApi());
    const line = `POST /images/create?fromImage=${registry.host}/team/app:v1&${AMD64}`;
    const leaving = await api.open(line);
    const staying = await api.open(line);
    const [first, second] = [messagesOf(leaving), messagesOf(staying)];
    await until(async () => fault.hits > 0 && first.count() > 1 && second.count() > 1);
    leaving.destroy();
    await once(leaving, "close");
    fault.release();
    const messages = messagesIn(await second.text);
    expect(messages.at(-1)).toMatchObject({ status: expect.stringMatching(/^Status: Downloaded newer/) });
    expect(gets(registry, digest)).toHaveLength(1); // had it ended for both, the second would ask anew
  });

  it("stops the transfer when the only client leaves", async () => {
    const registry = keep(await TestRegistry.start());
    const { layers } = await buildImage(registry, "team/app", { tag: "v1", layers: [300_000] });
    const digest = String(layers[0]?.descriptor.digest);
    stallBlob(registry, digest);
    const api = keep(await openApi());
    const leaving = await api.open(`POST /images/create?fromImage=${registry.host}/team/app:v1&${AMD64}`);
    await registry.waitFor((request) => request.digest === digest);
    leaving.destroy();
    const states = (): readonly string[] =>
      registry.requests.filter((request) => request.digest === digest).map(({ state }) => state);
    await until(async () => states().every((state) => state === "aborted"));
    expect((await api.ask("GET /_ping")).body.toString()).toBe("OK");
  });
});

/** Reads an answer without an end. */
function messagesOf(answer: NodeJS.ReadableStream): { readonly text: Promise<string>; count(): number } {
  let text = "";
  const { promise, resolve } = Promise.withResolvers<string>();
  answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
  answer.on("error", () => resolve(text));
  answer.on("end", () => resolve(text));
  return { text: promise, count: () => messagesIn(text.slice(0, text.lastIndexOf("\n") + 1)).length };
}

describe("POST /images/NAME/push", () => {
  it("tells the repository first and the facts last", async () => {
    const registry = keep(await TestRegistry.start());
    const { descriptor } = await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
    const api = keep(await openApi());
    await api.engine.pull(`${registry.host}/team/app:v1`, { platform: "linux/amd64" });
    await api.engine.tag(`${registry.host}/team/app:v1`, `${registry.host}/team/copy:v2`);
    const messages = (await api.ask(`POST /images/${registry.host}/team/copy/push?tag=v2`)).messages();
    expect(messages[0]).toEqual({ status: `The push refers to repository [${registry.host}/team/copy]` });
    expect(messages.filter(({ status }) => status === messages[0]?.["status"])).toHaveLength(1);
    const { digest: Digest, size: Size } = descriptor;
    expect(messages.slice(-2)).toEqual([
      { status: `v2: digest: ${Digest} size: ${Size}` },
      { progressDetail: {}, aux: { Tag: "v2", Digest, Size } },
    ]);
    const listed = (await api.ask("GET /images/json")).json();
    expect(listed).toMatchObject([
      { RepoDigests: [expect.anything(), `${registry.host}/team/copy@${Digest}`] },
    ]);
  });

  it.each([
    ["team/none/push?tag=v1", "An image does not exist locally with the tag: HOST/team/none"],
    ["team/app/push?tag=v9", "tag does not exist: HOST/team/app:v9"],
  ])("says in the stream what %s has not", async (path, error) => {
    const registry = keep(await TestRegistry.start());
    await buildImage(registry, "team/app", { tag: "v1", layers: [50] });
    const api = keep(await openApi());
    await api.engine.pull(`${registry.host}/team/app:v1`, { platform: "linux/amd64" });
    const answer = await api.ask(`POST /images/${registry.host}/${path}`);
    expect(answer.status).toBe(200);
    expect(answer.messages().at(-1)).toMatchObject({ error: error.replace("HOST", registry.host) });
  });
});

describe("GET /images/get and POST /images/load", () => {
  it("moves several images to another engine in one archive", async () => {
    const registry = keep(await TestRegistry.start());
    const api = keep(await openApi());
    for (const tag of ["v1", "v2"]) {
      await buildImage(registry, "team/app", { tag, layers: [5_000, tag.length + Number(tag.at(1))] });
      await api.engine.pull(`${registry.host}/team/app:${tag}`, { platform: "linux/amd64" });
    }
    const names = [`${registry.host}/team/app:v1`, `${registry.host}/team/app:v2`];
    const query = names.map((name) => `names=${encodeURIComponent(name)}`).join("&");
    const archive = await api.ask(`GET /v1.51/images/get?${query}`);
    expect(archive.headers["content-type"]).toBe("application/x-tar");
    const other = keep(await openApi());
    const loaded = await other.ask("POST /images/load?quiet=1", { body: archive.body });
    expect(loaded.messages()).toEqual(names.map((name) => ({ stream: `Loaded image: ${name}\n` })));
    expect((await other.engine.images.list()).map(({ name }) => name)).toEqual(names);
    const whole = await api.ask(`GET /images/${registry.host}/team/app/get`);
    expect(whole.body).toEqual(archive.body); // a repository is all of its tags
  });

  it("refuses what is no archive, and saves nothing that is not here", async () => {
    const api = keep(await openApi());
    const loaded = await api.ask("POST /images/load", { body: Buffer.alloc(2_000, 7) });
    expect([loaded.status, loaded.json()]).toEqual([400, { message: expect.any(String) }]);
    expect((await api.ask("GET /images/get?names=nosuch")).status).toBe(404);
    expect((await api.ask("GET /images/get")).status).toBe(400);
  });

  it("breaks off an archive that cannot be finished", async () => {
    const registry = keep(await TestRegistry.start());
    const { layers } = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
    const api = keep(await openApi());
    await api.engine.pull(`${registry.host}/team/app:v1`, { platform: "linux/amd64" });
    await api.engine.content.delete(layers[0]?.descriptor.digest as never, { force: true } as never);
    await expect(api.ask(`GET /images/${registry.host}/team/app:v1/get`)).rejects.toThrow();
  });
});
