import { join } from "node:path";
import type { PartName } from "../../test/real/support/parts.ts";
import { ENGINE, findPrograms, type Program } from "../support/find-programs.ts";
import { type CommandCost, measure } from "../support/measure.ts";
import { type EngineCopy, RunningEngine } from "../support/running-engine.ts";

/** What is copied from one registry to another, both by plain HTTP. */
interface Job {
  /** `host:port/repository:tag`. */
  readonly source: string;
  readonly target: string;
  /** What an engine has copied before, from and to the same registries. */
  readonly before: EngineCopy;
  /** A folder that nobody has used. */
  readonly folder: string;
}

/** Who copies between registries. */
export interface Copier {
  readonly name: string;
  copy(job: Job): Promise<CommandCost>;
}

type Arguments = (job: Job) => readonly string[];

const PROGRAMS: readonly (readonly [PartName, Arguments])[] = [
  [
    "skopeo",
    ({ source, target }) => [
      "--insecure-policy",
      "copy",
      "--preserve-digests",
      "--src-tls-verify=false",
      "--dest-tls-verify=false",
      `docker://${source}`,
      `docker://${target}`,
    ],
  ],
  ["crane", ({ source, target }) => ["copy", "--insecure", source, target]],
  ["oras", ({ source, target }) => ["copy", "--from-plain-http", "--to-plain-http", source, target]],
];

/** All peers that there may be. */
export const PEERS: readonly string[] = PROGRAMS.map(([name]) => name);

const ours: Arguments = ({ source, target, folder }) => [
  "copy",
  "-q",
  "--plain-http",
  "--root",
  join(folder, "root"),
  source,
  target,
];

/**
 * Those on this machine, drayage first, and the names of those that are missing. Throws without a build. The caller disposes of it.
 */
export function findCopiers(): {
  readonly copiers: readonly Copier[];
  readonly missing: readonly string[];
} & AsyncDisposable {
  const { programs, missing } = findPrograms(ours, PROGRAMS);
  const engine = new RunningEngine();
  return {
    copiers: [inEngine(engine), ...programs.map(copierOf)],
    missing,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

function copierOf({ name, command, argumentsFor, env }: Program<Arguments>): Copier {
  return {
    name,
    copy: (job) => measure([...command, ...argumentsFor(job)], { ...process.env, HOME: job.folder, ...env }),
  };
}

/** The library in a process that runs already, one for all rounds: neither its start nor loading it is counted. */
function inEngine(engine: RunningEngine): Copier {
  return {
    name: ENGINE,
    async copy({ source, target, before, folder }) {
      const options = { root: join(folder, "root"), registry: { plainHttp: true } };
      return await engine.ask({ options, copiedBefore: [before], reference: source, copyTo: target });
    },
  };
}
