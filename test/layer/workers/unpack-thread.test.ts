import { describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrUnavailable } from "../../../src/errors/classes.ts";
import { isRetryable } from "../../../src/errors/predicates.ts";
import { DEFAULT_LIMITS } from "../../../src/layer/unpack/unpack-limits.ts";
import { JobState } from "../../../src/layer/workers/job-state.ts";
import type { UnpackJob } from "../../../src/layer/workers/unpack-job.ts";
import { UnpackThread } from "../../../src/layer/workers/unpack-thread.ts";

const JOB: UnpackJob = {
  blobPath: "/none",
  size: 0,
  diffId: digestOf(""),
  directory: "/none",
  limits: DEFAULT_LIMITS,
  host: { isRoot: false, owners: "own", devices: false, fifos: false, xattrs: [], overlay: "none" },
};

const program = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`);

describe("UnpackThread", () => {
  it.each([
    [
      "ends",
      `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(3));`,
    ],
    [
      "throws",
      `import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { throw new Error("x"); });`,
    ],
    ["ends before it has a job", "process.exit(1);"],
  ])("says that another one may do the job when it %s", async (_, code) => {
    const thread = new UnpackThread({ file: program(code) });
    const error: unknown = await thread.run(JOB, new JobState()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ErrUnavailable);
    expect(isRetryable(error)).toBe(true);
    expect(thread.isDead).toBe(true);
    await expect(thread.run(JOB, new JobState())).rejects.toThrow(ErrUnavailable);
  });

  it("is ended whatever it does", async () => {
    const thread = new UnpackThread({ file: program("for (;;);") });
    const running = thread.run(JOB, new JobState());
    const refused = expect(running).rejects.toThrow(ErrUnavailable);
    await thread.end();
    await refused;
  });
});
