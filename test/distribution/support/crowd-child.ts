/**
 * Pulls or pushes all names at once in a process of its own: `crowd-child.ts pull|push <root> <reference>...`. Pushes
 * go to the same names with `-copy` behind the repository. Says the messages of what failed, as JSON, on stdout. The
 * caller decides how many files it may open.
 */
import { findError } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";

const [, , action, root = "", ...references] = process.argv;

await using distribution = await openDistribution({
  root,
  registry: { plainHttp: true },
  credentials: async () => ({ username: "u", password: "p" }),
});
const outcomes = await Promise.allSettled(
  references.map((reference) =>
    action === "push"
      ? distribution.push(reference, { target: reference.replace(/:(?=[^:]+$)/, "-copy:") })
      : distribution.pull(reference, { platform: "linux/amd64" }),
  ),
);
const failures = outcomes
  .filter((outcome) => outcome.status === "rejected")
  .map(({ reason }) => findError(reason)?.message ?? String(reason));
process.stdout.write(JSON.stringify(failures));
