import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { shortId } from "../../src/digest/digest.ts";
import { serveDockerApi } from "../../src/docker-api.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { type Engine, openEngine } from "../distribution/support/engine.ts";
import { isPart } from "../distribution/support/requests.ts";
import { until } from "../distribution/support/until.ts";
import { putAppImages, stallBlob } from "../docker-api/support/app-images.ts";
import { closingAfterEach } from "../support/closing-after-each.ts";
import { describeReal } from "./support/describe-real.ts";
import { type DockerCli, openDockerCli } from "./support/docker-cli.ts";

/** Columns from which on docker draws bars. */
const WIDE = 160;

/**
 * Statuses of a docker that Ctrl-C ended. Which one is decided by a race in its client, whoever serves it: that of the
 * signal when the signal finds it reading, 0 when it is printing what it has read.
 */
const CANCELLED: readonly (number | null)[] = [130, 0];

describeReal("docker's command line", ["docker"], () => {
  const keep = closingAfterEach();
  let registry: TestRegistry;
  let engine: Engine;
  let docker: DockerCli;
  let folder: string;
  /** Tags of `team/app`; they share their lowest layer. */
  let one: BuiltImage;
  let two: BuiltImage;
  let name: string;

  beforeAll(async () => {
    registry = await TestRegistry.start();
    ({ one, two, name } = await putAppImages(registry));
  });

  afterAll(() => registry.close());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "drayage-api-"));
    engine = keep(await openEngine());
    const address = `unix://${join(folder, "docker.sock")}`;
    keep(await serveDockerApi({ distribution: engine, address }));
    docker = keep(await openDockerCli(address));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("pulls, lists, inspects, tags and removes", async () => {
    expect((await docker.run(["pull", `${name}:v1`])).split("\n").slice(-4)).toEqual([
      `Digest: ${one.descriptor.digest}`,
      `Status: Downloaded newer image for ${name}:v1`,
      `${name}:v1`,
      "",
    ]);
    expect(await docker.run(["pull", `${name}:v1`])).toContain(
      `Status: Image is up to date for ${name}:v1\n`,
    );
    const format = "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}}";
    expect(await docker.run(["images", "--digests", "--format", format])).toBe(
      `${name} v1 ${one.descriptor.digest} ${shortId(one.config.digest)}\n`,
    );
    await docker.run(["tag", `${name}:v1`, "copy"]);
    const inspected = JSON.parse(await docker.run(["inspect", "copy"]));
    expect(inspected).toMatchObject([{ Id: one.config.digest, RepoTags: [`${name}:v1`, "copy:latest"] }]);
    expect(await docker.run(["inspect", "-f", "{{.Config.Labels.a}}", shortId(one.config.digest)])).toBe(
      "b\n",
    );
    expect((await docker.run(["history", "-q", "--no-trunc", "copy"])).split("\n")[0]).toBe(
      one.config.digest,
    );
    expect(await docker.run(["rmi", "copy"])).toBe("Untagged: copy:latest\n");
    expect(await docker.run(["rmi", `${name}:v1`])).toMatch(
      new RegExp(
        `^Untagged: ${name}:v1\nUntagged: ${name}@${one.descriptor.digest}\nDeleted: ${one.config.digest}\n`,
      ),
    );
    expect(await docker.run(["images", "-q"])).toBe("");
  });

  it("pulls quietly, by digest, for another platform and all tags", async () => {
    expect(await docker.run(["pull", "-q", `${name}@${one.descriptor.digest}`])).toBe(
      `${name}@${one.descriptor.digest}\n`,
    );
    const many = `${registry.host}/team/many:v1`;
    await docker.run(["pull", "--platform", "linux/arm64", many]);
    expect(await docker.run(["inspect", "-f", "{{.Architecture}}", many])).toBe("arm64\n");
    const all = await docker.run(["pull", "-a", name]);
    expect(all).toContain("v1: Pulling from team/app\n");
    expect(all).toContain("v2: Pulling from team/app\n");
    expect(await docker.run(["images", "-q", name])).toBe(
      [one, two].map(({ config }) => `${shortId(config.digest)}\n`).join(""),
    );
  });

  it("says what is wrong, with status 1", async () => {
    for (const args of [
      ["pull", `${name}:none`],
      ["pull", "-q", `${name}:none`],
      ["inspect", "nosuch"],
      ["rmi", "nosuch"],
    ]) {
      const { status, stderr } = await docker.outcome(args);
      expect([args, status, stderr]).toEqual([args, 1, expect.stringMatching(/not found|no such/i)]);
    }
    expect(await docker.outcome(["rmi", "-f", "nosuch"])).toMatchObject({ status: 0 });
    const run = await docker.outcome(["run", "--rm", name]);
    expect(run.stderr).toContain("this engine keeps images and has no container");
  });

  it("is told of a failure in the middle", async () => {
    const digest = String(two.layers[1]?.descriptor.digest);
    const fault = registry.fault({ kind: "blob", digest, times: Number.POSITIVE_INFINITY }, { status: 404 });
    for (const args of [
      ["pull", `${name}:v2`],
      ["pull", "-q", `${name}:v2`],
    ]) {
      const { status, stderr } = await docker.outcome(args);
      expect([status, stderr]).toEqual([1, expect.stringContaining(digest)]);
    }
    fault.remove();
  });

  it("draws bars on a wide terminal, numbers on a narrow one, and nothing of them elsewhere", async () => {
    const digest = String(one.layers[0]?.descriptor.digest);
    for (const [columns, shown] of [
      [WIDE, /Downloading +\[=*>/],
      [80, /Downloading +[\d.]+MB\/|Downloading +[\d.]+kB\//],
    ] as const) {
      registry.fault({ kind: "blob", digest }, { bytesPerSecond: 10_000_000 });
      const { status, stdout } = await docker.onTerminal(["pull", `${name}:v1`], { columns });
      expect([status, stdout]).toEqual([0, expect.stringMatching(shown)]);
      expect(stdout.trimEnd().split("\n").at(-1)).toBe(`${name}:v1`);
      await docker.run(["rmi", `${name}:v1`]);
    }
    expect(await docker.run(["pull", `${name}:v1`])).not.toContain("Downloading");
  });

  it("cancels by Ctrl-C, and not for another one that pulls the same", async () => {
    const digest = String(one.layers[0]?.descriptor.digest);
    const before = registry.requests.length;
    const asked = () => registry.requests.slice(before).filter((request) => request.digest === digest);
    const fault = stallBlob(registry, digest);
    const staying = docker.outcome(["pull", `${name}:v1`]);
    try {
      await until(async () => fault.hits > 0);
      const leaving = await docker.onTerminal(["pull", `${name}:v1`], {
        columns: WIDE,
        interruptWhen: (printed) => printed.includes("Pulling fs layer"),
      });
      expect(CANCELLED, leaving.stdout).toContain(leaving.status);
      expect(leaving.stdout).not.toContain("Status: ");
      expect(asked().map(({ state }) => state)).toContain("started"); // the blob is still on its way
    } finally {
      fault.release();
      await staying;
      fault.remove();
    }
    expect(await staying).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`Status: Downloaded newer image for ${name}:v1\n`),
    });
    expect(asked().filter((request) => !isPart(request))).toHaveLength(1); // had it ended, it would be asked for anew
  });

  it("pushes what it has tagged", async () => {
    await docker.run(["pull", "-q", `${name}:v1`]);
    const copy = `${registry.host}/team/copy:v3`;
    await docker.run(["tag", `${name}:v1`, copy]);
    const pushed = await docker.run(["push", copy]);
    expect(pushed).toContain(`The push refers to repository [${registry.host}/team/copy]\n`);
    expect(pushed.trimEnd().split("\n").at(-1)).toBe(
      `v3: digest: ${one.descriptor.digest} size: ${one.descriptor.size}`,
    );
    expect(await docker.run(["push", "-q", copy])).toBe(`${copy}\n`);
    expect(await docker.outcome(["push", `${registry.host}/team/none`])).toMatchObject({
      status: 1,
      stderr: `An image does not exist locally with the tag: ${registry.host}/team/none\n`,
    });
  });

  it("logs in, and pulls with what it keeps", async () => {
    const account = { username: "u", password: "p" };
    const guarded = keep(await TestRegistry.start({ auth: { basic: account } }));
    await buildImage(guarded, "team/app", { tag: "v1", layers: [50] });
    const login = ["login", "-u", "u", "--password-stdin", guarded.host];
    const wrong = await docker.outcome(login, { input: "wrong" });
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining("Error response from daemon")]);
    const refused = await docker.outcome(["pull", `${guarded.host}/team/app:v1`]);
    expect([refused.status, refused.stdout]).toEqual([1, ""]);
    expect(await docker.run(login, { input: "p" })).toContain("Login Succeeded");
    await docker.run(["pull", "-q", `${guarded.host}/team/app:v1`]);
    await docker.run(["logout", guarded.host]);
    const out = await docker.outcome(["pull", `${guarded.host}/team/app:v1`]);
    expect(out.status).toBe(1);
  });

  it("saves two images, and loads them", async () => {
    await docker.run(["pull", "-q", "-a", name]);
    const archive = join(folder, "images.tar");
    await docker.run(["save", "-o", archive, `${name}:v1`, `${name}:v2`]);
    await docker.run(["image", "prune", "-af"]);
    expect(await docker.run(["images", "-q"])).toBe("");
    const loaded = await docker.run(["load", "-q", "-i", archive]);
    expect(loaded).toBe(`Loaded image: ${name}:v1\nLoaded image: ${name}:v2\n`);
    expect(await docker.run(["images", "-q"])).toBe(
      [one, two].map(({ config }) => `${shortId(config.digest)}\n`).join(""),
    );
  });

  it("tells of the engine and its disk, and tidies up", async () => {
    await docker.run(["pull", "-q", `${name}:v1`]);
    expect(await docker.run(["version", "--format", "{{.Server.APIVersion}}"])).toBe("1.51\n");
    expect(await docker.outcome(["info"])).toMatchObject({ status: 0, stderr: "" });
    const df = await docker.run(["system", "df", "--format", "{{.Type}} {{.TotalCount}}"]);
    expect(df).toContain("Images 1\n");
    expect(await docker.outcome(["system", "df", "-v"])).toMatchObject({ status: 0 });
    expect(await docker.run(["image", "prune", "-f"])).toContain("Total reclaimed space: 0B");
    expect(await docker.run(["system", "prune", "-af"])).toContain(`untagged: ${name}:v1\n`);
    expect(await docker.run(["search", "x", "--format", "{{.Name}}"])).toBe("");
    expect(await docker.run(["ps", "-q"])).toBe("");
  });

  it("hears of events", async () => {
    const leave = new AbortController();
    const format = "{{.Type}} {{.Action}} {{.Actor.ID}}";
    await docker.run(["pull", "-q", `${name}:v1`]);
    await docker.run(["tag", `${name}:v1`, "copy"]);
    await docker.run(["rmi", "copy", `${name}:v1`]);
    const now = Math.ceil(Date.now() / 1000) + 1;
    const heard = await docker.run(["events", "--since", "1", "--until", String(now), "--format", format], {
      signal: leave.signal,
    });
    const id = one.config.digest;
    expect(heard.trimEnd().split("\n")).toEqual([
      `image pull ${name}:v1`,
      `image tag ${id}`,
      `image untag ${id}`,
      `image untag ${id}`,
      `image delete ${id}`,
    ]);
  });
});
