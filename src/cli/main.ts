#!/usr/bin/env node
import { beginBriefRun } from "./brief-run.ts";
import { delayTierUp } from "./delay-tier-up.ts";
import { loadProgram } from "./load-program.ts";

/** The oldest Node.js that has what drayage is built on. */
const OLDEST_NODE = [22, 19] as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  process.stderr.write(
    `drayage: Node.js ${OLDEST_NODE.join(".")} or newer is needed, this is ${process.versions.node}\n`,
  );
  process.exitCode = 1;
} else {
  delayTierUp();
  const run = beginBriefRun();
  const { main, keep } = await loadProgram(process.argv[2], run); // not before the check: an older Node.js cannot even load it
  const status = await main(process.argv);
  if (status >= 128) process.exit(status); // nobody waits for what a reader may not have taken yet
  run.end();
  if (status === 0) keep();
  process.exitCode = status;
  // All is done: what Node.js would tear down, a heap for one, the system takes back in a tenth of the time.
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit();
}
