import type { Reporter, TestModule } from "vitest/node";

/** Names the tests that passed only when they were run again: somebody has to look at them, though the run is green. */
export class RetriedTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    for (const test of tests) {
      if (!test.diagnostic()?.flaky) continue;
      const name = `${test.module.relativeModuleId}: ${test.fullName}`;
      const why = (test.result().errors ?? []).map(({ message }) => `  ${message}\n`);
      process.stderr.write(`Failed once, and passed when it was run again: ${name}\n${why.join("")}`);
    }
  }
}
