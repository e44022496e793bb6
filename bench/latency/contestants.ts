import { join } from "node:path";
import type { PartName } from "../../test/real/support/parts.ts";
import { findPrograms, type Program } from "../support/find-programs.ts";
import { type Cost, measure } from "../support/measure.ts";
import { RunningEngine } from "../support/running-engine.ts";

/** What is pulled, and where to. */
interface Job {
  /** `host:port/repository:tag`. */
  readonly reference: string;
  /** A folder with nothing in it. */
  readonly folder: string;
}

/** Who pulls from a registry of plain HTTP into a folder. */
export interface Contestant {
  readonly name: string;
  pull(job: Job): Promise<Cost>;
}

/** The process that embeds us. */
const ENGINE = join(import.meta.dirname, "engine.ts");

type Arguments = (job: Job) => readonly string[];

/** How each peer is told to bring an image into an OCI layout. */
const PEERS: readonly (readonly [PartName, Arguments])[] = [
  ["crane", ({ reference, folder }) => ["pull", "--insecure", "--format=oci", reference, folder]],
  [
    "oras",
    ({ reference, folder }) => ["copy", "--from-plain-http", "--to-oci-layout", reference, `${folder}:v1`],
  ],
  [
    "skopeo",
    ({ reference, folder }) => [
      "--insecure-policy",
      "copy",
      "--src-tls-verify=false",
      `docker://${reference}`,
      `oci:${folder}:v1`,
    ],
  ],
];

const ours: Arguments = ({ reference, folder }) => [
  "pull",
  "-q",
  "--plain-http",
  "--root",
  folder,
  reference,
];

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export function findContestants(): {
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
} {
  const { programs, missing } = findPrograms(ours, PEERS);
  const contestants = [{ name: "drayage in an engine", pull: pullInEngine }, ...programs.map(contestantOf)];
  return { contestants, missing };
}

function contestantOf({ name, command, argumentsFor, env }: Program<Arguments>): Contestant {
  return {
    name,
    pull: (job) => measure([...command, ...argumentsFor(job)], { ...process.env, HOME: job.folder, ...env }),
  };
}

/** The library in a process that runs already: neither its start nor loading it is counted. */
async function pullInEngine({ reference, folder: root }: Job): Promise<Cost> {
  await using engine = new RunningEngine<Cost>([ENGINE]);
  return await engine.ask({ root, reference });
}
