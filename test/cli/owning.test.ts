import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDistribution } from "../../src/index.ts";
import { type BuiltImage, buildImage, TestRegistry } from "../../src/testing.ts";
import { layerOf } from "../distribution/support/built-image.ts";
import { type DrayageOutcome, drayage } from "../real/support/drayage.ts";

let registry: TestRegistry;
let root: string;
let image: BuiltImage;
let name: string;

beforeAll(async () => {
  registry = await TestRegistry.start();
  root = await mkdtemp(join(tmpdir(), "drayage-owning-"));
  image = await buildImage(registry, "team/app", { tag: "v1", layers: [5_000] });
  name = `${registry.host}/team/app:v1`;
  await using distribution = await openDistribution({ root, registry: { plainHttp: true } });
  await distribution.pull(name);
});

afterAll(async () => {
  await registry.close();
  await rm(root, { recursive: true, force: true });
});

const run = (...args: readonly string[]): Promise<DrayageOutcome> => drayage([...args, "--root", root]);

describe("the commands about names and content", () => {
  it("tag, show, refuse, free and tell, one after the other", async () => {
    const { digest } = layerOf(image);
    expect(await run("tag", name, "copy:v1")).toMatchObject({ status: 0, stdout: "" });
    expect(await run("tag", "missing", "copy:v1")).toMatchObject({ status: 1 });

    const { stdout: table } = await run("df");
    expect(table).toMatch(
      /^TYPE +TOTAL +SIZE\nContent +3 +\S+\nUnreferenced +0 +0B\nIngests +0 +0B\nSet aside +0 +0B\nLayers +0 +0B\nUnused layers +0 +0B\n\nNAME +SIZE +SHARED SIZE +UNIQUE SIZE\n/,
    );
    expect(table).toMatch(/^copy:v1 +(\S+) +\1 +0B$/m);
    const { stdout: json } = await run("df", "--json");
    expect(JSON.parse(json)).toMatchObject({ content: { count: 3 }, images: [{}, {}] });

    const refused = await run("content", "rm", digest);
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(new RegExp(`delete content ${digest}: image \\S+ needs it`));
    expect(await run("content", "rm", "--force", digest)).toMatchObject({ status: 0, stdout: `${digest}\n` });

    expect(await run("rmi", name, "copy:v1")).toMatchObject({ status: 0, stderr: "" });
    expect(await run("prune", "--min-age", "0", "--dry-run")).toMatchObject({
      stdout: "Would reclaim: 0B\n",
    });
    expect(await run("prune", "--min-age", "soon")).toMatchObject({ status: 2 });
  });
});
