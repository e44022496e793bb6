import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPart, type PartName } from "../../test/real/support/parts.ts";
import { withDaemon } from "../support/daemons.ts";
import { findPrograms, type Program } from "../support/find-programs.ts";
import { type Cost, measure } from "../support/measure.ts";
import { RunningEngine } from "../support/running-engine.ts";
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

const ours: Arguments = ({ reference, tls }, target) => {
  const how = tls ? "--insecure" : "--plain-http";
  return ["pull", "-q", how, "--root", target, reference];
};

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export async function findContestants(): Promise<{
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
}> {
  const { programs, missing } = findPrograms(ours, PEERS);
  const contestants: Contestant[] = [
    { name: "drayage in an engine", download: inEngine },
    ...programs.map(contestantOf),
  ];
  const ctr = findPart("ctr");
  const answers = ctr && (await run(ctr.path, ["version"]).catch(() => undefined));
  if (!answers) return { contestants, missing: [...missing, "containerd (ctr)"] };
  return { contestants: [...contestants, containerd(ctr.path)], missing };
}

function contestantOf({ name, command, argumentsFor, env }: Program<Arguments>): Contestant {
  return {
    name,
    async download(job) {
      const target = join(job.folder, "layout");
      const stop = watchPeak(process.pid);
      const cost = await measure([...command, ...argumentsFor(job, target)], {
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
  await using engine = new RunningEngine<DownloadCost>([ENGINE, root, host, tls ? "tls" : "plain", warm]);
  return [await engine.ask(reference), root];
}

/** By a daemon, which is counted with its client. What it has of the image is taken away again. */
function containerd(ctr: string): Contestant {
  return {
    name: "ctr content fetch",
    async download({ reference, tls }) {
      const flag = tls ? "--skip-verify" : "--plain-http";
      const command = [ctr, "content", "fetch", flag, reference];
      const cost = await withDaemon("containerd", () => measure(command, process.env));
      await run(ctr, ["images", "rm", "--sync", reference]);
      return [{ ...cost, peakMib: Number.NaN }, undefined];
    },
  };
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
