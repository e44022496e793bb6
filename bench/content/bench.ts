import { execFileSync, spawn } from "node:child_process";
import { hash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Digest, parseDigest, writeBlob } from "../../src/content.ts";
import { defineBench } from "../driver/bench.ts";
import type { Sample } from "../driver/figures.ts";
import { cpuSecondsOf, endedChildrenSeconds, measureHere } from "../support/measure.ts";
import { hasContainerd, NAMESPACE, type Service, startContainerd, startDrayage } from "./services.ts";

/** Size of the blob, in bytes. */
const BLOB_BYTES = 256 * 1_048_576;

/** What the proxy reads at once, in bytes. */
const READ_BYTES = 1_048_576;

const [GET, INGEST, READS, STREAM] = [
  "ctr content get",
  "ctr content ingest",
  "proxy, reads of 1 MiB",
  "proxy, stream",
] as const;

const [OURS, THEIRS] = ["drayage serve", "containerd"] as const;

/** What the content service costs beside containerd's own. */
export const content = defineBench({
  name: "content",
  about: "the content service beside containerd's own, by ctr and by our client",
  options: {
    /** Where both keep their content: a disk, which `sync` is waited for before each task. */
    disk: { type: "string", default: tmpdir() },
  },
  runs: 5,
  warmsUp: true,
  claims: [GET, INGEST, READS, STREAM].map((within) => ({
    who: OURS,
    figure: "wallSeconds",
    within,
    limit: { timesBest: within === GET || within === INGEST ? 1.3 : 1, of: [THEIRS] },
  })),
  title: () =>
    "256 MiB through a content service; the server's CPU time is the service's, the other its client's",
  async *cases({ disk }) {
    if (!(await hasContainerd())) {
      yield { name: "", contestants: [], missing: ["containerd (with ctr)"] };
      return;
    }
    const directory = await mkdtemp(join(disk, "drayage-bench-"));
    try {
      await using started = new AsyncDisposableStack();
      const services = [
        started.use(await startDrayage(OURS, directory)),
        started.use(await startContainerd(THEIRS, directory)),
      ];
      await using file = await open(join(directory, "blob"), "w+");
      const digest = await fill(file, services);
      for (const [name, run] of tasks(digest, file)) {
        const contestants = services.map((service) => ({
          name: service.name,
          measure: (round: number) => measured(service, () => run(service, round)),
        }));
        yield { name, contestants, bytes: BLOB_BYTES };
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
});

type Task = (service: Service, round: number) => Promise<void>;

function tasks(digest: Digest, file: FileHandle): readonly (readonly [string, Task])[] {
  return [
    [GET, (service) => ctr(service, ["get", digest], "ignore")],
    [
      INGEST,
      async (service, round) => {
        await file.write(Buffer.from([round]), 0, 1, 0); // other content each time
        await using source = await open(join("/proc/self/fd", String(file.fd)));
        await ctr(service, ["ingest", `ingest-${round}`], source.fd);
      },
    ],
    [READS, (service) => readAll(service, digest)],
    [STREAM, (service) => streamAll(service, digest)],
  ];
}

/** What a task costs this process with its children, and the service. */
async function measured({ pid }: Service, task: () => Promise<void>): Promise<Sample> {
  execFileSync("sync"); // nobody waits for what the one before him left to the disk
  const [server, children] = [cpuSecondsOf(pid), endedChildrenSeconds()];
  const { wallSeconds, cpuSeconds } = await measureHere(task);
  return {
    wallSeconds,
    cpuSeconds: cpuSeconds + endedChildrenSeconds() - children,
    serverCpuSeconds: cpuSecondsOf(pid) - server,
  };
}

/** Writes the blob into the file and into both services. */
async function fill(file: FileHandle, services: readonly Service[]): Promise<Digest> {
  const bytes = randomFillSync(Buffer.allocUnsafe(BLOB_BYTES));
  await file.writeFile(bytes);
  const digest = parseDigest(`sha256:${hash("sha256", bytes)}`);
  for (const { store } of services) await writeBlob(store, "blob", bytes, { digest });
  return digest;
}

async function ctr({ socket }: Service, args: readonly string[], io: "ignore" | number): Promise<void> {
  const child = spawn("ctr", ["-a", socket, "-n", NAMESPACE, "content", ...args], {
    stdio: [io, "ignore", "inherit"],
    env: { ...process.env, CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS: "1" },
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`ctr content ${args.join(" ")}: got status ${String(status)}`);
}

async function readAll({ store }: Service, digest: Digest): Promise<void> {
  await using reader = await store.readerAt({ digest });
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < reader.size; ) at += await reader.readAt(buffer, at);
}

async function streamAll({ store }: Service, digest: Digest): Promise<void> {
  let length = 0;
  for await (const bytes of store.stream({ digest })) length += bytes.byteLength;
  if (length !== BLOB_BYTES) throw new Error(`stream ${digest}: got ${length} bytes`);
}
