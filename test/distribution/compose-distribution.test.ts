import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const MODULE = new URL("../../src/distribution/compose-distribution.ts", import.meta.url).href;

/** Prints the files that the engine's modules load before it does anything. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  const urls = [];
  registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
  await import(${JSON.stringify(MODULE)});
  console.log(JSON.stringify(urls));
`;

describe("the modules of an engine", () => {
  it("load nothing that a plain pull does not need", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", PROGRAM]);
    const urls: readonly string[] = JSON.parse(stdout);
    expect(urls).toContain(MODULE);
    const lazy =
      /node_modules\/(?:jsonc-parser|smol-toml|pino|commander|@bufbuild)\/|\/src\/(?:cli|testing|content\/grpc)\/|\/v1-(?:client|remote|puller)\.ts$/;
    expect(urls.filter((url) => lazy.test(url))).toEqual([]);
  });
});
