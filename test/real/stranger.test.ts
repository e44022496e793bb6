import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TOP } from "../docs/support/documents.ts";
import { describeReal } from "./support/describe-real.ts";
import { NPM_PART, npmProgram } from "./support/npm-part.ts";
import { Stranger } from "./support/stranger.ts";
import { PULLED } from "./support/stranger-programs.ts";

const { CI = "" } = process.env;

/** What `npm run build` makes is what is packed; where nobody has asked for it, it need not be there. */
const isBuilt = existsSync(join(TOP, "dist", "index.js"));

let stranger: Stranger;

describeReal("the packed package", [NPM_PART], () => {
  describe.skipIf(!isBuilt && CI === "")("in the project of a stranger", () => {
    beforeAll(async () => {
      if (!isBuilt) throw new Error("npm run build has not been run");
      stranger = await Stranger.settle();
    });

    afterAll(() => stranger[Symbol.asyncDispose]());

    it.each([
      ["Node.js 24, which runs these tests", (): string => process.execPath],
      ["Node.js 22.19", (): string => npmProgram("node")],
    ])("pulls by ES modules and by require on %s", async (_, node) => {
      expect(await stranger.run(node(), ["engine.mjs"])).toBe(PULLED);
      expect(await stranger.run(node(), ["--no-warnings", "engine.cjs"])).toBe(PULLED);
    });

    it("pulls on Deno", async () => {
      const words = ["run", "--allow-all", "--node-modules-dir=manual", "engine.mjs"];
      expect(await stranger.run(npmProgram("deno"), words)).toBe(PULLED);
    });

    it.each([
      ["nodenext", "nodenext"],
      ["esnext", "bundler"],
    ] as const)(
      "has types for all doors, and pulls: modules %s, resolved as %s",
      async (module, resolution) => {
        const program = await stranger.compile(module, resolution);
        expect(await stranger.run(process.execPath, [program])).toBe(PULLED);
      },
    );

    it.each([
      ["esbuild", "esm"],
      ["esbuild", "cjs"],
      ["rolldown", "esm"],
      ["rolldown", "cjs"],
    ] as const)("pulls out of a bundle by itself: %s, %s", async (bundler, format) => {
      const bundle = await stranger.bundle(bundler, format);
      const words = ["--no-warnings", bundle];
      expect(await stranger.run(process.execPath, words, stranger.elsewhere)).toBe(PULLED);
    });

    it("has the command line", async () => {
      expect(await stranger.run(stranger.program("drayage"), ["--version"])).toMatch(/\d+\.\d+\.\d+/);
    });
  });
});
