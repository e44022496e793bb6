/**
 * Pulls at random until it is killed: `pull-child.ts <root> <host> <seed> <workers> <tag>...`, each blob in one of so many
 * threads. Failures are expected, the registry is hostile; one that has no class ends the process with status 3, and the parent sees it.
 */
import { isDrayageError } from "../../../src/errors.ts";
import { openEngine } from "./round.ts";
import { seeded } from "./seeded.ts";

const [, , root = "", host = "", seed = "", workers = "", ...tags] = process.argv;
const random = seeded(seed);
const engine = await openEngine(root, { workers: Number(workers), bytesPerWorker: 0 });

async function work(): Promise<never> {
  for (;;) {
    const name = `${host}/${random.pick(tags)}`;
    try {
      if (random.chance(0.2)) await engine.remove(name);
      else await engine.pull(name, { platform: "linux/amd64" });
    } catch (error) {
      if (!isDrayageError(error)) process.exit(3);
    }
  }
}

await Promise.all(Array.from({ length: 6 }, work));
