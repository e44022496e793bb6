import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import type { Timeline } from "../../src/timeline.ts";
import { drayage, startDrayage } from "../real/support/drayage.ts";

let registry: TestRegistry;
let image: BuiltImage;
let directory: string;

beforeEach(async () => {
  registry = await TestRegistry.start();
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [70_000] });
  directory = await mkdtemp(join(tmpdir(), "drayage-timeline-"));
});

afterEach(async () => {
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

function pulling(...more: readonly string[]): readonly string[] {
  const root = join(directory, "root");
  const common = ["--plain-http", "--platform", "linux/amd64", `${registry.host}/team/app:v1`];
  return ["pull", "--root", root, ...more, ...common];
}

const pull = (...more: readonly string[]) => drayage(pulling(...more));

async function written(name: string): Promise<Timeline> {
  return JSON.parse(await readFile(join(directory, name), "utf8"));
}

describe("drayage pull --timeline", () => {
  it("writes a plot and the JSON of it, whatever the ending of the name", async () => {
    expect((await pull("--unpack", "--timeline", join(directory, "new", "pull.svg"))).status).toBe(0);
    expect((await readdir(join(directory, "new"))).toSorted()).toEqual(["pull.json", "pull.svg"]);
    const { items } = await written("new/pull.json");
    const layer = items.find(({ name }) => name === image.layers[0]?.descriptor.digest);
    expect(layer?.spans.map(({ phase }) => phase)).toEqual(expect.arrayContaining(["bytes", "unpack"]));
    expect(await readFile(join(directory, "new", "pull.svg"), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  it("writes them of a pull that fails, and shows its failure", async () => {
    registry.fault({ kind: "blob", times: 99 }, { status: 404 });
    const { status, stderr } = await pull("--timeline", join(directory, "pull"));
    expect(status).toBe(1);
    const { operations } = await written("pull.json");
    expect(stderr).toContain(operations[0]?.failure);
    expect(await readdir(directory)).toContain("pull.svg");
  });

  it("writes them of a pull that is interrupted", async () => {
    registry.fault({ kind: "blob" }, { stall: true, afterBytes: 100 });
    const running = startDrayage(pulling("--timeline", join(directory, "pull")));
    await registry.waitFor(({ kind }) => kind === "blob");
    running.kill("SIGINT");
    expect((await running.done).status).toBe(130);
    const { operations, items } = await written("pull.json");
    expect(operations).toMatchObject([{ failure: expect.any(String) }]);
    expect(items.length).toBeGreaterThan(1);
  });

  it("fails where they cannot be written, and is refused where nothing moves", async () => {
    await mkdir(join(directory, "pull.json"));
    const unwritten = await pull("--timeline", join(directory, "pull"));
    expect([unwritten.status, unwritten.stderr]).toEqual([1, expect.stringContaining("pull.json")]);
    const refused = await pull("--timeline", join(directory, "pull"), "--dry-run");
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("--timeline")]);
  });
});
