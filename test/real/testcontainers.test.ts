import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type BuiltImage, buildImage, buildIndex, TestRegistry } from "../../src/testing.ts";
import { type Api, openApi } from "../docker-api/support/api.ts";
import { describeReal } from "./support/describe-real.ts";
import { NPM_PART } from "./support/npm-part.ts";
import { loadTestcontainers, type Testcontainers } from "./support/testcontainers.ts";

const ACCOUNT = { username: "u", password: "p" };

describeReal("testcontainers", [NPM_PART], () => {
  let registry: TestRegistry;
  let api: Api;
  let home: string;
  let image: BuiltImage;
  let library: Testcontainers;

  beforeAll(async () => {
    registry = await TestRegistry.start({ auth: { basic: ACCOUNT } });
    image = await buildImage(registry, "team/app", { tag: "v1", layers: [1_000] });
    await buildImage(registry, "team/service", { tag: "v1", layers: [1_000] });
    const arm64 = { os: "linux", architecture: "arm64" };
    const images = [await buildImage(registry, "team/many", { layers: [100] })];
    images.push(await buildImage(registry, "team/many", { layers: [100], platform: arm64 }));
    buildIndex(registry, "team/many", { tag: "v1", images });
    api = await openApi();
    home = await mkdtemp(join(tmpdir(), "drayage-testcontainers-"));
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString("base64");
    await writeFile(join(home, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    vi.stubEnv("HOME", home);
    vi.stubEnv("TMPDIR", home);
    vi.stubEnv("DOCKER_CONFIG", home);
    vi.stubEnv("DOCKER_HOST", `unix://${api.socket}`);
    vi.stubEnv("TESTCONTAINERS_RYUK_DISABLED", "true");
    // In a container it would ask for the gateway of a network, of which there are none.
    vi.stubEnv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1");
    library = loadTestcontainers();
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await api[Symbol.asyncDispose]();
    await registry.close();
    await rm(home, { recursive: true, force: true });
  });

  it("takes it for an engine of containers", async () => {
    const { info } = await library.getContainerRuntimeClient();
    expect(info.containerRuntime).toMatchObject({
      architecture: expect.any(String),
      cpus: expect.any(Number),
    });
  });

  it("looks for an image, pulls it with the credentials it finds, and inspects it", async () => {
    const client = await library.getContainerRuntimeClient();
    const name = library.ImageName.fromString(`${registry.host}/team/app:v1`);
    expect(await client.image.exists(name)).toBe(false);
    await client.image.pull(name);
    expect(await client.image.exists(name)).toBe(true);
    expect(await client.image.inspect(name)).toMatchObject({ Id: image.config.digest });
    const before = registry.requests.length;
    await client.image.pull(name);
    expect(registry.requests.length).toBe(before);
    await client.image.pull(name, { force: true });
    expect(registry.requests.length).toBeGreaterThan(before);
    // Of a stream it reads no message.
    const none = library.ImageName.fromString(`${registry.host}/team/app:none`);
    await expect(client.image.pull(none)).rejects.toThrow("not found");
  });

  it("pulls for another platform", async () => {
    const client = await library.getContainerRuntimeClient();
    const name = library.ImageName.fromString(`${registry.host}/team/many:v1`);
    await client.image.pull(name, { platform: "linux/arm64" });
    expect(await client.image.inspect(name)).toMatchObject({ Architecture: "arm64" });
  });

  it("comes as far as the container, of which it is told that there are none", async () => {
    const container = new library.GenericContainer(`${registry.host}/team/service:v1`).withExposedPorts(80);
    await expect(container.start()).rejects.toThrow("this engine keeps images and has no container");
  });
});
