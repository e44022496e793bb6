import type { Reporter, TestModule } from "vitest/node";

/** How many tests of a run may need a second try. Races that nobody knew of are met one at a time; more than these are a fault. */
const MAX_RETRIED = 3;

/** Names the tests that passed only when they were run again: somebody has to look at them, though the run is green. */
export class RetriedTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const retried = tests.filter((test) => test.diagnostic()?.flaky);
    for (const test of retried) {
      const name = `${test.module.relativeModuleId}: ${test.fullName}`;
      const why = (test.result().errors ?? []).map(({ message }) => `  ${message}\n`);
      process.stderr.write(`Failed once, and passed when it was run again: ${name}\n${why.join("")}`);
    }
    if (retried.length <= MAX_RETRIED) return;
    process.stderr.write(
      `${retried.length} tests needed a second try, ${MAX_RETRIED} may: the run has failed\n`,
    );
    process.exitCode = 1;
  }
}
