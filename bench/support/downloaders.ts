import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPart, type PartName } from "../../test/real/support/parts.ts";
import type { Sample } from "../driver/figures.ts";
import { withDaemon } from "./daemons.ts";
import { ENGINE, findPrograms, type Program } from "./find-programs.ts";
import { measure } from "./measure.ts";
import { RunningEngine } from "./running-engine.ts";

/** What is downloaded. */
export interface Download {
  /** `host:port/repository:tag`. */
  readonly reference: string;
  /** Whether the registry speaks HTTPS, with a certificate that nobody knows; otherwise plain HTTP. */
  readonly tls: boolean;
  /** Whether its manifest has a media type of docker's; default one of OCI's. */
  readonly isOfDocker?: boolean;
  /** Where it goes: a folder that nobody has used. */
  readonly folder: string;
  /** Most layers at once, for an engine of ours and oras, which can be told; default what each thinks best. */
  readonly atOnce?: number;
}

/** Who downloads an image into an OCI layout, or a content store. */
export interface Downloader {
  readonly name: string;
  /** Downloads, and measures that. The second is the folder below which all blobs lie then; `undefined`: in a daemon. */
  download(job: Download): Promise<readonly [Sample, string | undefined]>;
}

/** The one that is a daemon. */
const CONTAINERD = "ctr content fetch";

type Arguments = (job: Download, target: string) => readonly string[];

const run = promisify(execFile);

const PROGRAMS: readonly (readonly [PartName, Arguments])[] = [
  [
    "skopeo",
    ({ reference, isOfDocker }, target) => [
      "--insecure-policy",
      "copy",
      // told otherwise, it compresses layers that are not; a manifest of docker's it cannot put into a layout as it is
      ...(isOfDocker ? [] : ["--preserve-digests"]),
      "--src-tls-verify=false",
      `docker://${reference}`,
      `oci:${target}:v1`,
    ],
  ],
  ["crane", ({ reference }, target) => ["pull", "--insecure", "--format=oci", reference, target]],
  [
    "oras",
    ({ reference, tls, atOnce }, target) => [
      "copy",
      ...(atOnce === undefined ? [] : ["--concurrency", String(atOnce)]),
      tls ? "--from-insecure" : "--from-plain-http",
      reference,
      "--to-oci-layout",
      `${target}:v1`,
    ],
  ],
];

/** All peers that there may be. */
export const PEERS: readonly string[] = [...PROGRAMS.map(([name]) => name), CONTAINERD];

const ours: Arguments = ({ reference, tls }, target) => {
  const how = tls ? "--insecure" : "--plain-http";
  return ["pull", "-q", how, "--root", target, reference];
};

/**
 * Those on this machine, drayage first, and the names of those that are missing. Throws without a build.
 *
 * @param before images that an engine has pulled before it is measured, so that all that it uses has started
 */
export async function findDownloaders(before: readonly string[] = []): Promise<{
  readonly downloaders: readonly Downloader[];
  readonly missing: readonly string[];
}> {
  const { programs, missing } = findPrograms(ours, PROGRAMS);
  const downloaders = [ourEngine(before), ...programs.map(downloaderOf)];
  const ctr = findPart("ctr");
  const answers = ctr && (await run(ctr.path, ["version"]).catch(() => undefined));
  if (!answers) return { downloaders, missing: [...missing, CONTAINERD] };
  return { downloaders: [...downloaders, containerd(ctr.path)], missing };
}

function downloaderOf({ name, command, argumentsFor, env }: Program<Arguments>): Downloader {
  return {
    name,
    async download(job) {
      const target = join(job.folder, "layout");
      const environment = { ...process.env, ...env, HOME: job.folder };
      return [await measure([...command, ...argumentsFor(job, target)], environment), target];
    },
  };
}

/** The library in a process that runs already: neither its start nor loading it is counted. */
function ourEngine(before: readonly string[]): Downloader {
  return {
    name: ENGINE,
    async download({ reference, tls, folder, atOnce }) {
      const host = reference.slice(0, reference.indexOf("/"));
      const root = join(folder, "root");
      const registry = tls ? { insecureRegistries: [host] } : { plainHttp: true };
      const options = { root, registry, ...(atOnce !== undefined && { maxConcurrentDownloads: atOnce }) };
      await using engine = new RunningEngine();
      return [await engine.ask({ options, before, reference }), root];
    },
  };
}

/** By a daemon, which is counted with its client. What it has of the image is taken away again. */
function containerd(ctr: string): Downloader {
  return {
    name: CONTAINERD,
    async download({ reference, tls }) {
      const flag = tls ? "--skip-verify" : "--plain-http";
      const command = [ctr, "content", "fetch", flag, reference];
      const cost = await withDaemon("containerd", () => measure(command, process.env));
      await run(ctr, ["images", "rm", "--sync", reference]);
      return [cost, undefined];
    },
  };
}
