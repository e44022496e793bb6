import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { findPart, type PartName } from "../../test/real/support/parts.ts";
import { type Cost, cpuSecondsOf, measure } from "../push/measure.ts";
import { watchPeak } from "./watch-peak.ts";

/** What a download cost. */
export interface DownloadCost extends Cost {
  /** Most memory that the process ever had, in MiB. */
  readonly peakMib: number;
}

/** What is downloaded. */
export interface Download {
  /** `host:port/repository:tag`. */
  readonly reference: string;
  /** Another image, which a process that runs has had before. */
  readonly warm: string;
  /** Whether the registry speaks HTTPS, with a certificate that nobody knows; otherwise plain HTTP. */
  readonly tls: boolean;
  /** Where it goes: a folder that nobody has used. */
  readonly folder: string;
}

/** Who downloads an image into an OCI layout, or a content store. */
export interface Contestant {
  readonly name: string;
  /** Downloads, and measures that. The second is the folder below which all blobs lie then; `undefined`: in a daemon. */
  download(job: Download): Promise<readonly [DownloadCost, string | undefined]>;
}

type Arguments = (job: Download, target: string) => readonly string[];

/** Our command line as it is published; sources would be stripped of their types at every start. */
const DRAYAGE = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

/** The process that embeds us. */
const ENGINE = join(import.meta.dirname, "engine.ts");

const run = promisify(execFile);

const PEERS: readonly (readonly [PartName, Arguments])[] = [
  [
    "skopeo",
    ({ reference }, target) => [
      "--insecure-policy",
      "copy",
      "--preserve-digests",
      "--src-tls-verify=false",
      `docker://${reference}`,
      `oci:${target}:v1`,
    ],
  ],
  ["crane", ({ reference }, target) => ["pull", "--insecure", "--format=oci", reference, target]],
  [
    "oras",
    ({ reference, tls }, target) => [
      "copy",
      tls ? "--from-insecure" : "--from-plain-http",
      reference,
      "--to-oci-layout",
      `${target}:v1`,
    ],
  ],
];

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export async function findContestants(): Promise<{
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
}> {
  if (!existsSync(DRAYAGE)) throw new Error(`Cannot find ${DRAYAGE}: run npm run build first`);
  const ours: Arguments = ({ reference, tls }, target) => [
    DRAYAGE,
    "pull",
    "-q",
    tls ? "--insecure" : "--plain-http",
    "--root",
    target,
    reference,
  ];
  const contestants: Contestant[] = [
    { name: "drayage in an engine", download: inEngine },
    program("drayage", process.execPath, { argumentsFor: ours }),
  ];
  const missing: string[] = [];
  for (const [name, argumentsFor] of PEERS) {
    const part = findPart(name);
    if (part) contestants.push(program(name, part.path, { argumentsFor, env: part.env }));
    else missing.push(name);
  }
  const ctr = findPart("ctr");
  const answers = ctr && (await run(ctr.path, ["version"]).catch(() => undefined));
  if (answers) contestants.push(containerd(ctr.path));
  else missing.push("containerd (ctr)");
  return { contestants, missing };
}

interface ProgramOptions {
  readonly argumentsFor: Arguments;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

function program(name: string, path: string, { argumentsFor, env }: ProgramOptions): Contestant {
  return {
    name,
    async download(job) {
      const target = join(job.folder, "layout");
      const stop = watchPeak(process.pid);
      const cost = await measure([path, ...argumentsFor(job, target)], {
        ...process.env,
        ...env,
        HOME: job.folder,
      });
      return [{ ...cost, peakMib: stop() }, target];
    },
  };
}

/** The library in a process that has pulled before: neither its start nor loading it is counted. */
async function inEngine({
  reference,
  warm,
  tls,
  folder,
}: Download): Promise<readonly [DownloadCost, string]> {
  const host = reference.slice(0, reference.indexOf("/"));
  const root = join(folder, "root");
  const child = spawn(process.execPath, [ENGINE, root, host, tls ? "tls" : "plain", warm], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next(); // it is ready
  child.stdin.write(`${reference}\n`);
  const { value } = await lines.next();
  if (value === undefined) throw new Error("Cannot pull in an engine: it ended without an answer");
  child.stdin.end();
  await once(child, "exit");
  return [JSON.parse(value) as DownloadCost, root];
}

/** By a daemon, which is counted with its client. What it has of the image is taken away again. */
function containerd(ctr: string): Contestant {
  return {
    name: "ctr content fetch",
    async download({ reference, tls }) {
      const pids = await pidsOf("containerd");
      const used = (): number => pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
      const before = used();
      const flag = tls ? "--skip-verify" : "--plain-http";
      const cost = await measure([ctr, "content", "fetch", flag, reference], process.env);
      const total = { ...cost, cpuSeconds: cost.cpuSeconds + used() - before, peakMib: Number.NaN };
      await run(ctr, ["images", "rm", "--sync", reference]);
      return [total, undefined];
    },
  };
}

async function pidsOf(name: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")));
  return pids.filter((_, at) => names[at]?.trim() === name);
}

/** A folder for one download, removed after `use`. */
export async function inFreshFolder<T>(data: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(data, "drayage-download-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
