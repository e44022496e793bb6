import { execFileSync, spawn } from "node:child_process";
import { hash, randomFillSync } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatTable } from "../../src/cli/format-table.ts";
import { type Digest, parseDigest, writeBlob } from "../../src/content.ts";
import { type Cost, measure, median } from "./measure.ts";
import { containerdVersion, NAMESPACE, type Service, startContainerd, startDrayage } from "./services.ts";

/** Size of the blob, in bytes. */
const BLOB_BYTES = 256 * 1_048_576;

/** What the proxy reads at once, in bytes. */
const READ_BYTES = 1_048_576;

/** Times that each task is measured at each service; once more before, to warm up. */
const ROUNDS = 5;

/** One task, and how much longer than containerd `drayage serve` may take for it. */
interface Task {
  readonly title: string;
  readonly limit: number;
  readonly run: (service: Service, round: number) => Promise<void>;
}

const version = await containerdVersion();
if (version === undefined) {
  process.stderr.write("bench: SKIPPED: there is no containerd and no ctr on the PATH to compare with\n");
} else {
  await compare(version);
}

async function compare(containerd: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "drayage-bench-"));
  try {
    await using services = new AsyncDisposableStack();
    const contestants = [
      services.use(await startContainerd(directory)),
      services.use(await startDrayage(directory)),
    ];
    await using file = await open(join(directory, "blob"), "w+");
    const digest = await fill(file, contestants);
    process.stdout.write(
      `containerd ${containerd} and drayage on Node.js ${process.version}, medians of ${ROUNDS}\n\n`,
    );
    const results = await runAll(tasks(digest, file), contestants);
    process.stdout.write(formatTable(results));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Writes the blob into the file and into both services. */
async function fill(file: FileHandle, services: readonly Service[]): Promise<Digest> {
  const bytes = randomFillSync(Buffer.allocUnsafe(BLOB_BYTES));
  await file.writeFile(bytes);
  const digest = parseDigest(`sha256:${hash("sha256", bytes)}`);
  for (const { store } of services) await writeBlob(store, "blob", bytes, { digest });
  return digest;
}

function tasks(digest: Digest, file: FileHandle): readonly Task[] {
  return [
    { title: "ctr content get", limit: 1.3, run: (service) => ctr(service, ["get", digest], "ignore") },
    {
      title: "ctr content ingest",
      limit: 1.3,
      async run(service, round) {
        await file.write(Buffer.from([round]), 0, 1, 0); // other content each time
        await using source = await open(join("/proc/self/fd", String(file.fd)));
        await ctr(service, ["ingest", `ingest-${round}`], source.fd);
      },
    },
    { title: "proxy, reads of 1 MiB", limit: 1, run: (service) => readAll(service, digest) },
    { title: "proxy, stream", limit: 1, run: (service) => streamAll(service, digest) },
  ];
}

/** Interleaves the services, and lets another one begin each time, so that a busy moment hits both. */
async function runAll(
  all: readonly Task[],
  services: readonly Service[],
): Promise<readonly (readonly string[])[]> {
  const costs = new Map<string, Cost[]>(all.flatMap(({ title }) => services.map((s) => [key(title, s), []])));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const task of all) {
      for (const service of round % 2 === 0 ? services : services.toReversed()) {
        execFileSync("sync"); // nobody waits for what the one before him left to the disk
        const cost = await measure(service.pid, () => task.run(service, round));
        if (round > 0) costs.get(key(task.title, service))?.push(cost);
      }
    }
  }
  return table(all, services, (title, service) => median(costs.get(key(title, service)) ?? []));
}

function key(title: string, { name }: Service): string {
  return `${title} ${name}`;
}

function table(
  all: readonly Task[],
  services: readonly Service[],
  costOf: (title: string, service: Service) => Cost,
): readonly (readonly string[])[] {
  const rows = all.flatMap(({ title, limit }) =>
    services.map((service) => {
      const { wall, serverCpu, clientCpu } = costOf(title, service);
      const ratio = wall / costOf(title, services[0] ?? service).wall;
      const verdict = service === services[0] ? "" : `${ratio.toFixed(2)} of at most ${limit.toFixed(1)}`;
      const seconds = [wall, serverCpu, clientCpu].map((value) => `${value.toFixed(2)} s`);
      return [title, service.name, ...seconds, verdict];
    }),
  );
  return [["TASK", "SERVICE", "WALL", "SERVER CPU", "CLIENT CPU", "RATIO"], ...rows];
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
