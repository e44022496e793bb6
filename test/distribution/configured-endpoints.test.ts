import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import { type BuiltImage, buildImage, selfSigned, TestRegistry } from "../../src/testing.ts";
import { type Engine, failureOf, openEngine } from "./support/engine.ts";

const REPOSITORY = "team/app";

let folder: string;
let registry: TestRegistry;
let mirror: TestRegistry;
let image: BuiltImage;
let name: string;
let open: AsyncDisposable[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drayage-configured-"));
  registry = await TestRegistry.start();
  mirror = await TestRegistry.start();
  for (const place of [registry, mirror])
    image = await buildImage(place, REPOSITORY, { tag: "v1", layers: [5_000] });
  name = `${registry.host}/${REPOSITORY}:v1`;
  open = [registry, mirror];
});

afterEach(async () => {
  for (const each of open.toReversed()) await each[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function engine(registryOptions = { hostsDir: folder }): Promise<Engine> {
  const made = await openEngine({ registry: registryOptions });
  open.push(made);
  return made;
}

async function hostsToml(...lines: readonly string[]): Promise<void> {
  await mkdir(join(folder, registry.host), { recursive: true });
  await writeFile(join(folder, registry.host, "hosts.toml"), lines.join("\n"));
}

function wordsOf(place: TestRegistry): string[] {
  return place.requests.map(({ method, path }) => `${method} ${path.replace(/^\/v2\/team\/app\//, "")}`);
}

describe("pull() with a hosts.toml", () => {
  it("asks the mirror, tells it whose repositories are meant, and sends it its headers", async () => {
    await hostsToml(
      `server = "${registry.url}"`,
      `[host."${mirror.url}"]`,
      `[host."${mirror.url}".header]`,
      'x-custom = ["a", "b"]',
    );
    const result = await (await engine()).pull(name);
    expect(result.endpoint).toBe(mirror.url);
    expect(registry.requests).toEqual([]);
    for (const { query, headers } of mirror.requests) {
      expect(query.get("ns")).toBe(registry.host);
      expect(headers["x-custom"]).toBe("a, b");
    }
  });

  it("reads it for every pull, and again when it has changed", async () => {
    const puller = await engine();
    expect((await puller.pull(name)).endpoint).toBe(registry.url);
    await hostsToml(`[host."${mirror.url}"]`);
    await buildImage(mirror, REPOSITORY, { tag: "v2", layers: [6_000] });
    expect((await puller.pull(`${registry.host}/${REPOSITORY}:v2`)).endpoint).toBe(mirror.url);
    await hostsToml(`server = "${registry.url}"`);
    const failure = await failureOf(puller.pull(`${registry.host}/${REPOSITORY}:v2`));
    expect(failure).toBeInstanceOf(ErrNotFound);
  });

  it("asks what a tag means where hosts resolve, and fetches it where they pull", async () => {
    await hostsToml(`server = "${registry.url}"`, `[host."${mirror.url}"]`, 'capabilities = ["pull"]');
    const result = await (await engine()).pull(name);
    expect(result).toMatchObject({ endpoint: mirror.url, digest: image.descriptor.digest });
    expect(wordsOf(registry)).toEqual(["HEAD manifests/v1"]);
    expect(wordsOf(mirror)[0]).toBe(`GET manifests/${image.descriptor.digest}`);
    expect(wordsOf(mirror).some((words) => words.includes("manifests/v1"))).toBe(false);
  });

  it("asks a token server for the whole name that the mirror has it under, and for nothing else", async () => {
    await using harbor = await TestRegistry.start({ auth: { bearer: {} } });
    await buildImage(harbor, `hub/${REPOSITORY}`, { tag: "v1", layers: [5_000] });
    await hostsToml(`[host."${harbor.url}/v2/hub"]`, "override_path = true");
    const result = await (await engine()).pull(name);
    expect(result).toMatchObject({ endpoint: harbor.url, digest: image.descriptor.digest });
    const tokens = harbor.requests.filter(({ kind }) => kind === "token");
    expect(tokens.map(({ query }) => query.getAll("scope"))).toEqual([[`repository:hub/${REPOSITORY}:pull`]]);
  });

  it("finds out at the root of the API how to log in at a mirror that has it below a project", async () => {
    const access = { username: "robot", password: "of the house" };
    await using harbor = await TestRegistry.start({ profile: "gcr", access });
    await buildImage(harbor, `hub/${REPOSITORY}`, { tag: "v1", layers: [5_000] });
    await hostsToml(`[host."${harbor.url}/v2/hub"]`, "override_path = true");
    const puller = await openEngine({
      registry: { hostsDir: folder },
      credentials: async (host) => (host === harbor.host ? access : undefined),
    });
    open.push(puller);
    expect(await puller.pull(name)).toMatchObject({ endpoint: harbor.url, passedOver: [] });
    const asked = harbor.requests.filter(({ kind }) => kind === "ping").map(({ path }) => path);
    expect(asked).toEqual(["/v2/"]);
  });

  it("goes on at the registry when what the tag means is not at the mirror", async () => {
    mirror = await TestRegistry.start();
    open.push(mirror);
    await hostsToml(`server = "${registry.url}"`, `[host."${mirror.url}"]`, 'capabilities = ["pull"]');
    const result = await (await engine()).pull(name);
    expect(result).toMatchObject({ endpoint: registry.url, digest: image.descriptor.digest });
    expect(result.passedOver).toMatchObject([{ endpoint: mirror.url }]);
  });

  it("trusts the authority that it names, for that host", async () => {
    const tls = selfSigned();
    const secure = await TestRegistry.start({ tls });
    open.push(secure);
    await buildImage(secure, REPOSITORY, { tag: "v1", layers: [5_000] });
    await hostsToml(`server = "${secure.url}"`, 'ca = "ca.pem"');
    await writeFile(join(folder, registry.host, "ca.pem"), tls.cert);
    expect((await (await engine()).pull(name)).endpoint).toBe(secure.url);
    await writeFile(join(folder, registry.host, "ca.pem"), selfSigned().cert);
    expect(await failureOf((await engine()).pull(name))).toMatchObject({ code: "ERR_UNAVAILABLE" });
  });

  it("does not send the credentials of a pull to another host that stands for the registry", async () => {
    await using secret = await TestRegistry.start({ auth: { basic: { username: "u", password: "p" } } });
    await hostsToml(`server = "${secret.url}"`);
    const auth = { username: "u", password: "p" };
    await failureOf((await engine()).pull(name, { auth }));
    expect(secret.requests.map(({ headers }) => headers["authorization"])).toEqual(
      secret.requests.map(() => undefined),
    );
  });

  it("fails by file, line and column, and asks nobody, when it is malformed", async () => {
    await hostsToml(`[host."${mirror.url}"]`, "skip_verify = 1");
    const failure = await failureOf((await engine()).pull(name));
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    expect(failure.message).toContain(`${registry.host}/hosts.toml", line 2, column 1: skip_verify`);
    expect(registry.requests).toEqual([]);
  });
});

describe("pull() with a registries.conf", () => {
  it("asks a mirror under the name that the repository has there, without ns", async () => {
    await buildImage(mirror, `cache/${REPOSITORY}`, { tag: "v1", layers: [7_000] });
    const file = join(folder, "registries.conf");
    const mirrored = `[[registry.mirror]]\nlocation = "${mirror.host}/cache"\n`;
    await writeFile(file, `[[registry]]\nlocation = "${registry.host}"\n${mirrored}`);
    const puller = await openEngine({ registry: { registriesConf: file } });
    open.push(puller);
    const result = await puller.pull(name);
    expect(result.endpoint).toBe(mirror.url);
    expect(result.images).toMatchObject([{ name }]);
    expect(
      mirror.requests.every(({ path, query }) => path.includes("/cache/team/app/") && !query.has("ns")),
    ).toBe(true);
  });
});
