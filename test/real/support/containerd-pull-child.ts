/** Pulls into a containerd, and is killed before one of its calls: `ADDRESS NAMESPACE SNAPSHOTTER ROOT REFERENCE CALL`. */
import { openContainerd } from "../../../src/containerd.ts";
import { openDistribution } from "../../../src/index.ts";
import { countCalls } from "./counted-calls.ts";

const [address = "", namespace, snapshotter, root = "", reference = "", call] = process.argv.slice(2);
countCalls(async (number) => {
  if (number === Number(call)) process.kill(process.pid, "SIGKILL");
});
await using containerd = await openContainerd({ address, namespace, snapshotter });
const { content, images, layers } = containerd;
await using engine = await openDistribution({
  root,
  content,
  images,
  layers,
  registry: { plainHttp: true },
});
await engine.pull(reference);
