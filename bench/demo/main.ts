import { rm } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../../src/cli/format-bytes.ts";
import { formatTable } from "../../src/cli/format-table.ts";
import { chooseReporter } from "../../src/cli/progress/choose-reporter.ts";
import { isCanceled } from "../../src/errors.ts";
import { type Distribution, openDistribution, type ProgressSink, type PullOptions } from "../../src/index.ts";
import { TestRegistry } from "../../src/testing.ts";
import { fillRegistry, REPOSITORY } from "./images.ts";

/** Where the demo leaves its layout, for a look with any OCI tool afterwards. */
const ROOT = join(import.meta.dirname, "..", "..", ".demo");

/** So slow that the bars can be watched, in bytes per second and request. */
const SERVED_BYTES_PER_SECOND = 8 * 1024 * 1024;

interface Request {
  readonly tag: string;
  readonly options: PullOptions;
  /** Give up when half of the largest layer is there. */
  readonly changesMind?: boolean;
}

/** What eight users ask for at the same time: overlapping images for two platforms. */
const REQUESTS: readonly Request[] = [
  { tag: "v1", options: { platform: "linux/amd64" } },
  { tag: "v1", options: { platform: "linux/arm64" } },
  { tag: "v1", options: { allPlatforms: true } },
  { tag: "v2", options: { platform: "linux/amd64" } },
  { tag: "v2", options: { platform: "linux/amd64" } },
  { tag: "v2", options: { platform: "linux/arm64" } },
  { tag: "v2", options: { platform: "linux/amd64", priority: 10 } },
  { tag: "v3", options: { platform: "linux/amd64" }, changesMind: true },
];

await using registry = await TestRegistry.start();
const largest = await fillRegistry(registry);
registry.fault(
  { kind: "blob", times: Number.POSITIVE_INFINITY },
  { bytesPerSecond: SERVED_BYTES_PER_SECOND },
);
await rm(ROOT, { recursive: true, force: true });
await using distribution = await openDistribution({ root: ROOT });

process.stdout.write(`Eight concurrent pulls from ${registry.url}\n\n`);
const outcomes = await pullAll(distribution);
printRequests(outcomes);
await printMoved(distribution);
process.stdout.write(`\nThe OCI layout lies in ${ROOT}\n`);

async function pullAll(into: Distribution): Promise<readonly string[]> {
  const reporter = await chooseReporter("auto", { quiet: false, stream: process.stdout });
  const pulls = REQUESTS.map(async ({ tag, options, changesMind }) => {
    const abort = new AbortController();
    const onProgress: ProgressSink = (progress) => {
      reporter.report(progress);
      const half =
        progress.kind === "update" &&
        progress.id === largest &&
        progress.currentBytes > progress.totalBytes / 2;
      if (changesMind && half) abort.abort();
    };
    try {
      await into.pull(`${registry.host}/${REPOSITORY}:${tag}`, {
        ...options,
        signal: abort.signal,
        onProgress,
      });
      return "complete";
    } catch (error) {
      if (isCanceled(error)) return "cancelled half-way";
      throw error;
    }
  });
  try {
    return await Promise.all(pulls);
  } finally {
    reporter.finish();
  }
}

function printRequests(results: readonly string[]): void {
  const rows = REQUESTS.map(({ tag, options }, index) => [
    `${REPOSITORY}:${tag}`,
    options.allPlatforms ? "all platforms" : (options.platform ?? ""),
    results[index] ?? "",
  ]);
  process.stdout.write(`\n${formatTable([["ASKED FOR", "PLATFORM", "OUTCOME"], ...rows])}`);
}

/** Every blob with the number of times that the registry sent it, beside what the store has of it. */
async function printMoved(into: Distribution): Promise<void> {
  const requests = registry.requests.filter(({ kind, method }) => kind === "blob" && method === "GET");
  const rows: string[][] = [];
  for (const digest of new Set(requests.map((request) => request.reference ?? ""))) {
    const sent = requests.filter((request) => request.reference === digest);
    const bytes = sent.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const active = (await into.content.listStatuses()).find(({ ref }) => ref.endsWith(digest));
    const state = active
      ? `${formatBytes(active.offset)} of ${formatBytes(active.total)}, resumable`
      : "verified";
    rows.push([digest.slice(0, 19), String(sent.length), formatBytes(bytes), state]);
  }
  process.stdout.write(`\n${formatTable([["BLOB", "TIMES MOVED", "BYTES SENT", "IN THE STORE"], ...rows])}`);
  const total = requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  process.stdout.write(`${formatBytes(total)} moved for ${REQUESTS.length} pulls, each blob once\n`);
}
