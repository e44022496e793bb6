import { describe, expect, it } from "vitest";
import { threadProgram } from "../../src/async/thread-program.ts";

describe("threadProgram()", () => {
  it.each([
    ["file:///p/src/layer/workers/unpack-thread.ts", "file:///p/src/layer/workers/unpack-worker.ts"],
    ["file:///p/dist/layer.js", "file:///p/dist/unpack-worker.cjs"],
    ["file:///p/dist/chunks/unpack-pool-abc.js", "file:///p/dist/unpack-worker.cjs"],
    ["file:///p/dist/cli/program.cjs", "file:///p/dist/unpack-worker.cjs"],
  ])("finds the program from %s", (here, wanted) =>
    expect(threadProgram("unpack-worker", here).href).toBe(wanted),
  );
});
