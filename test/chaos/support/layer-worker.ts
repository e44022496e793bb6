/** Pulls, removes and prunes at random: `layer-worker.ts <root> <seed> <pulls> <chance to remove> <name>...`. */
import { isDrayageError } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";
import { seeded } from "./seeded.ts";

const [, , root = "", seed = "", pulls = "", chance = "", ...names] = process.argv;
const random = seeded(seed);
await using engine = await openDistribution({ root, layers: true, registry: { plainHttp: true } });
const work = async (): Promise<void> => {
  await engine.pull(random.pick(names), { platform: "linux/amd64" });
  if (!random.chance(Number(chance))) return;
  if (random.chance(0.4)) await engine.prune({ minAgeMs: 0 });
  else
    await engine.remove(random.pick(names)).catch((error: unknown) => {
      if (!isDrayageError(error)) throw error; // somebody else may have removed it
    });
};
await Promise.all(Array.from({ length: Number(pulls) }, work));
