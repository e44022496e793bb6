import { join } from "node:path";
import type { PartName } from "../../test/real/support/parts.ts";
import { findPrograms, type Program } from "../support/find-programs.ts";
import { type Cost, measure } from "../support/measure.ts";
import { RunningEngine } from "../support/running-engine.ts";

/** What is pushed, and where to. */
interface Job {
  /** Folder of an OCI image layout with one image. */
  readonly layout: string;
  /** Its name in the layout. */
  readonly source: string;
  /** `host:port/repository:tag`. */
  readonly target: string;
  /** Whether the registry speaks HTTPS, with a certificate that nobody knows; otherwise plain HTTP. */
  readonly tls: boolean;
}

/** Who pushes from an OCI layout to a registry. */
export interface Contestant {
  readonly name: string;
  /** Does a job. `home` is where it may leave notes. */
  push(job: Job, home: string): Promise<Cost>;
}

/** The process that embeds us. */
const ENGINE = join(import.meta.dirname, "engine.ts");

type Arguments = (job: Job) => readonly string[];

/** How each peer is told to send the bytes as they are. */
const PEERS: readonly (readonly [PartName, Arguments])[] = [
  [
    "skopeo",
    ({ layout, source, target }) => [
      "--insecure-policy",
      "copy",
      "--preserve-digests",
      "--dest-tls-verify=false",
      `oci:${layout}:${source}`,
      `docker://${target}`,
    ],
  ],
  ["crane", ({ layout, target }) => ["push", "--insecure", layout, target]],
  [
    "oras",
    ({ layout, source, target, tls }) => [
      "copy",
      "--from-oci-layout-path",
      layout,
      source,
      tls ? "--to-insecure" : "--to-plain-http",
      target,
    ],
  ],
];

const ours: Arguments = ({ layout, source, target, tls }) => {
  const how = tls ? "--insecure" : "--plain-http";
  return ["push", "-q", how, "--root", layout, source, target];
};

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export function findContestants(): {
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
} {
  const { programs, missing } = findPrograms(ours, PEERS);
  const [drayage, ...peers] = programs.map(contestantOf);
  const contestants = [drayage, { name: "drayage in an engine", push: pushInEngine }, ...peers];
  return { contestants: contestants.filter((one) => one !== undefined), missing };
}

function contestantOf({ name, command, argumentsFor, env }: Program<Arguments>): Contestant {
  return {
    name,
    push: (job, home) => measure([...command, ...argumentsFor(job)], { ...process.env, HOME: home, ...env }),
  };
}

/** The library in a process that runs already: neither its start nor loading it is counted. */
async function pushInEngine({ layout, source, target, tls }: Job, home: string): Promise<Cost> {
  const insecureHost = tls ? [registryOf(target)] : [];
  await using engine = new RunningEngine<Cost>([ENGINE, layout, ...insecureHost], {
    ...process.env,
    HOME: home,
  });
  return await engine.ask({ source, target });
}

function registryOf(target: string): string {
  return target.slice(0, target.indexOf("/"));
}
