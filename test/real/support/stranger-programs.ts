import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TOP } from "../../docs/support/documents.ts";

/** What all engines of the stranger print when they have pulled what the registry serves, and unpacked it. */
export const PULLED = "the same image, 2 layers\n";

/** Pulls, with threads for blobs and for layers, and the configuration that is loaded late. */
const BODY = `
async function main() {
  const root = await mkdtemp(join(tmpdir(), "drayage-stranger-root-"));
  const registry = await TestRegistry.start();
  const layers = [4_000_000, 5_000_000];
  const image = await buildImage(registry, "team/app", { tag: "v1", layers });
  const engine = await openDistribution({
    root,
    layers: true,
    workers: 2,
    bytesPerWorker: 1,
    credentials: { dockerConfigDir: process.cwd() },
    registry: { plainHttp: true },
  });
  try {
    const pulled = await engine.pull(registry.host + "/team/app:v1", { platform: "linux/amd64", unpack: true });
    const found = (await engine.layers.list()).length;
    const word = pulled.digest === image.descriptor.digest ? "the same" : "another";
    console.log(word + " image, " + found + " layers");
  } finally {
    await engine.close();
    await registry.close();
    await rm(root, { recursive: true });
  }
}
main();
`;

const NODE = `import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
`;

/** An engine in an ES module. */
export const ENGINE: string = `${NODE}
import { openDistribution } from "drayage";
import { buildImage, TestRegistry } from "drayage/testing";
${BODY}`;

/** The same in CommonJS. */
export const ENGINE_BY_REQUIRE: string = `
const { mkdtemp, rm } = require("node:fs/promises");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { openDistribution } = require("drayage");
const { buildImage, TestRegistry } = require("drayage/testing");
${BODY}`;

/** The same in TypeScript, with types named as embedders name them. */
export const ENGINE_IN_TYPESCRIPT: string = `${NODE}
import { type Distribution, type DistributionOptions, openDistribution, type PullOptions } from "drayage";
import { buildImage, TestRegistry } from "drayage/testing";
${BODY.replace("await openDistribution({", "await open({").replace("engine.layers.list()", "engine.layers!.list()")}
async function open(options: DistributionOptions): Promise<Distribution> {
  return await openDistribution(options);
}
export const asked: PullOptions = { platform: "linux/amd64" };
`;

/** All doors that the package has, in TypeScript. */
export const DOORS: string = doors()
  .map((door, index) => `export * as door${index} from ${JSON.stringify(door)};\n`)
  .join("");

function doors(): readonly string[] {
  const { exports } = JSON.parse(readFileSync(join(TOP, "package.json"), "utf8")) as { exports: object };
  const keys = Object.keys(exports).filter((key) => !key.endsWith(".json"));
  return keys.map((key) => key.replace(/^\./, "drayage"));
}
