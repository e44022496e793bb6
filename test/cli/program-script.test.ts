import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { program } from "../../rolldown.config.ts";
import { buildImage, TestRegistry } from "../../src/testing.ts";
import { TOP } from "../docs/support/documents.ts";

/** Runs the script that is its first argument as dist/cli/main.js does, with the arguments behind it. */
const STARTER = `import { loadScript } from ${JSON.stringify(join(TOP, "src/cli/load-script.ts"))};
const [script, folder, ...words] = process.argv.slice(1);
const { exports, keep } = loadScript(script, { folder, name: words[0] });
process.exitCode = await exports.main(["node", "drayage", ...words]);
keep();`;

let directory: string;
let registry: TestRegistry;

/** Once for all: what is built here is read only. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "drayage-program-"));
  registry = await TestRegistry.start();
  await copyFile(join(TOP, "package.json"), join(directory, "package.json"));
  const dir = join(directory, "dist", "cli");
  await build({
    ...program,
    input: { program: join(TOP, "src/cli/program.ts") },
    output: { ...program.output, dir },
  });
});

afterAll(async () => {
  await registry.close();
  await rm(directory, { recursive: true });
});

async function drayage(...words: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const script = join(directory, "dist", "cli", "program.cjs");
  const starter = ["--no-warnings", "--input-type=module", "-e", STARTER];
  return await promisify(execFile)(
    process.execPath,
    [...starter, script, join(directory, "kept"), ...words],
    {
      env: { HOME: directory, DRAYAGE_ROOT: join(directory, "root"), COLUMNS: "80" },
    },
  );
}

describe("the program as the build makes it", () => {
  it.each([["--version"], ["--help"], ["images"]])(
    "runs with what an earlier run has compiled: %s",
    async (words) => {
      const { stdout } = await drayage(words);
      expect(stdout).not.toBe("");
      expect(await drayage(words)).toEqual({ stdout, stderr: "" });
    },
  );

  it("pulls and logs", async () => {
    const { descriptor } = await buildImage(registry, "app", { tag: "v1", layers: [1_000] });
    const name = `${registry.host}/app:v1`;
    const { stdout, stderr } = await drayage("pull", "-q", "--log-level", "debug", name);
    expect(stdout).toBe(`${name}@${descriptor.digest}\n`);
    expect(stderr).toContain('"level":');
    expect((await drayage("images")).stdout).toContain(name);
  });

  it("has the licences of what is in it beside it", async () => {
    expect(await readdir(join(directory, "dist", "cli"))).toContain("program-licences.txt");
  });
});
