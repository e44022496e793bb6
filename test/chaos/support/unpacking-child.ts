/**
 * Pulls images and unpacks them, and takes the first of them away again with all that nobody needs:
 * `unpacking-child.ts <root> <threads for a layer: one or two> <name>...`; what it must not throw ends it with status 3.
 */
import { layerTarget } from "../../../src/distribution/layers/layer-target.ts";
import { isDrayageError, isNotFound } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";
import { openLayerStore } from "../../../src/layer.ts";

const [, , root = "", threads, ...names] = process.argv;
await using store = threads === "two" ? await openLayerStore({ root, workers: 2, splitFrom: 0 }) : undefined;
const layers = store ? layerTarget(store) : true;
await using engine = await openDistribution({ root, layers, registry: { plainHttp: true } });
for (const name of names) {
  await only(engine.pull(name, { platform: "linux/amd64" }));
}
await only(engine.remove(names[0] ?? "")).catch((error: unknown) => {
  if (!isNotFound(error)) throw error; // another process was faster
});
await only(engine.prune({ minAgeMs: 0 }));

/** `work`, which throws errors of our own and no others. */
async function only(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isDrayageError(error)) process.exit(3);
    throw error;
  });
}
