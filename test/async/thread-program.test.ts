import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { threadArguments, threadProgram } from "../../src/async/thread-program.ts";

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

describe("threadArguments()", () => {
  it("are those of the process", () => {
    expect(threadArguments(["--no-warnings", "--import", "./hooks.mjs"])).toEqual({});
  });

  it("let a thread run the program of a file where the process runs a text", () => {
    const program = join(built, "program.mjs");
    writeFileSync(program, "process.stdout.write('has run');");
    const module = new URL("../../src/async/thread-program.ts", import.meta.url).href;
    const text = `
      import { Worker } from "node:worker_threads";
      import { threadArguments } from ${JSON.stringify(module)};
      new Worker(${JSON.stringify(program)}, threadArguments());`;
    const given = ["--no-warnings", "--input-type=module", "-e", text];
    expect(execFileSync(process.execPath, given, { encoding: "utf8" })).toBe("has run");
  });
});
