import type { PartName } from "../../test/real/support/parts.ts";
import { ENGINE, findPrograms, type Program } from "../support/find-programs.ts";
import { type CommandCost, measure } from "../support/measure.ts";
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
export interface Pusher {
  readonly name: string;
  /** Does a job. `home` is where it may leave notes. */
  push(job: Job, home: string): Promise<CommandCost>;
}

type Arguments = (job: Job) => readonly string[];

/** How each peer is told to send the bytes as they are. */
const PROGRAMS: readonly (readonly [PartName, Arguments])[] = [
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

/** All peers that there may be. */
export const PEERS: readonly string[] = PROGRAMS.map(([name]) => name);

const ours: Arguments = ({ layout, source, target, tls }) => {
  const how = tls ? "--insecure" : "--plain-http";
  return ["push", "-q", how, "--root", layout, source, target];
};

/** Those on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export function findPushers(): { readonly pushers: readonly Pusher[]; readonly missing: readonly string[] } {
  const { programs, missing } = findPrograms(ours, PROGRAMS);
  return { pushers: [{ name: ENGINE, push: pushInEngine }, ...programs.map(pusherOf)], missing };
}

function pusherOf({ name, command, argumentsFor, env }: Program<Arguments>): Pusher {
  return {
    name,
    push: (job, home) => measure([...command, ...argumentsFor(job)], { ...process.env, HOME: home, ...env }),
  };
}

/** The library in a process that runs already: neither its start nor loading it is counted. */
async function pushInEngine({ layout: root, source, target, tls }: Job, home: string): Promise<CommandCost> {
  const host = target.slice(0, target.indexOf("/"));
  const registry = tls ? { insecureRegistries: [host] } : { plainHttp: true };
  await using engine = new RunningEngine({ ...process.env, HOME: home });
  return await engine.ask({ options: { root, registry }, reference: source, pushTo: target });
}
