import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { threadProgram } from "../../src/async/thread-program.ts";

const built = mkdtempSync(join(tmpdir(), "drayage-built-"));
writeFileSync(join(built, "unpack-worker.cjs"), "");
mkdirSync(join(built, "own", "cli"), { recursive: true });
for (const path of ["own/unpack-worker.cjs", "own/cli/unpack-worker.cjs"])
  writeFileSync(join(built, path), "");
const place = (path: string): string => pathToFileURL(join(built, path)).href;

afterAll(() => rmSync(built, { recursive: true }));

describe("threadProgram()", () => {
  it.each([
    ["file:///p/src/layer/workers/unpack-thread.ts", "file:///p/src/layer/workers/unpack-worker.ts"],
    [place("layer.js"), place("unpack-worker.cjs")],
    [place("chunks/unpack-pool-abc.js"), place("unpack-worker.cjs")],
    [place("cli/program.cjs"), place("unpack-worker.cjs")],
    [place("own/cli/program.cjs"), place("own/cli/unpack-worker.cjs")],
  ])("finds the program from %s", (here, wanted) =>
    expect(threadProgram("unpack-worker", here)?.href).toBe(wanted),
  );

  it.each([
    ["what a bundler has made, without the program beside it", place("elsewhere/bundle.js")],
    ["a bundle that does not know where it is", undefined],
  ])("finds none from %s", (_, here) => expect(threadProgram("unpack-worker", here)).toBeUndefined());
});
