/**
 * Pulls images and unpacks them: `unpacking-child.ts <root> <threads for a layer: one or two> <name>...`; what it must not throw ends
 * it with status 3.
 */
import { layerTarget } from "../../../src/distribution/layer-target.ts";
import { isDrayageError } from "../../../src/errors.ts";
import { openDistribution } from "../../../src/index.ts";
import { openLayerStore } from "../../../src/layer.ts";

const [, , root = "", threads, ...names] = process.argv;
await using store = threads === "two" ? await openLayerStore({ root, workers: 2, splitFrom: 0 }) : undefined;
const layers = store ? layerTarget(store) : true;
await using engine = await openDistribution({ root, layers, registry: { plainHttp: true } });
for (const name of names) {
  await engine.pull(name, { platform: "linux/amd64" }).catch((error: unknown) => {
    if (!isDrayageError(error)) process.exit(3);
    throw error;
  });
}
