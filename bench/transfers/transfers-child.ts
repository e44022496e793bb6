/** Transfers at once: `transfers-child.ts memory|store <count> <root>`. Prints a `Sample` as JSON. */
import { randomFillSync } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { digestOf, exists, openLocalStore, writeBlob } from "drayage/content";
import { type DownloadDescriptor, LayerDownloadManager } from "drayage/xfer";
import type { Sample } from "../driver/figures.ts";
import { measureHere } from "../support/measure.ts";

/** Bytes of each blob. */
const BLOB_BYTES = 1_024;

const [, , where = "", count = "0", root = ""] = process.argv;

await using store = await openLocalStore({ root });
const blobs = Array.from({ length: Number(count) }, () => {
  const bytes = randomFillSync(Buffer.alloc(BLOB_BYTES));
  return { bytes, digest: digestOf(bytes) };
});
const layers = blobs.map(({ bytes, digest }): DownloadDescriptor => {
  const common = { key: digest, digest, id: digest.slice("sha256:".length).slice(0, 12) };
  if (where === "store") {
    return {
      ...common,
      exists: (options) => exists(store, digest, options),
      download: async ({ signal }) => await writeBlob(store, `layer-${digest}`, bytes, { digest, signal }),
    };
  }
  return {
    ...common,
    exists: () => Promise.resolve(false),
    async download() {
      if (digestOf(bytes) !== digest) throw new Error("Cannot count a transfer: its bytes differ");
      await nextTurn(); // as anything that comes from elsewhere
    },
  };
});
const manager = new LayerDownloadManager();
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const { wallSeconds, cpuSeconds } = await measureHere(async () => {
  await using _ = await manager.download(layers);
});
await nextTurn(); // by then the loop has told how late it was
loop.disable();
for (const { digest } of where === "store" ? blobs : []) await store.info(digest); // throws where one is not there
const sample: Sample = {
  wallSeconds,
  cpuSeconds,
  secondsEach: wallSeconds / blobs.length,
  cpuSecondsEach: cpuSeconds / blobs.length,
  loopP99Seconds: loop.percentile(99) / 1e9,
  loopMaxSeconds: loop.max / 1e9,
};
process.stdout.write(JSON.stringify(sample));
