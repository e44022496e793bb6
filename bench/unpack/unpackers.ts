import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPart, type PartName } from "../../test/real/support/parts.ts";
import type { Sample } from "../driver/figures.ts";
import { withDaemon } from "../support/daemons.ts";
import { COMMAND, drayageCommand, ENGINE } from "../support/find-programs.ts";
import { inFreshFolder } from "../support/fresh-folder.ts";
import { measure } from "../support/measure.ts";
import { RunningEngine } from "../support/running-engine.ts";

/** Who pulls an image and unpacks it. */
interface Unpacker {
  readonly name: string;
  /** Pulls into a place that has nothing of it, and measures that; then takes it away again. */
  pull(reference: string): Promise<Sample>;
}

/** The names under which daemons take part. */
export const CONTAINERD = "containerd";
export const DOCKERD = "dockerd";

const run = promisify(execFile);

/**
 * Those on this machine, drayage first, and the names of those that are missing. Daemons are those that `ctr` and `docker` on PATH
 * talk to. Throws without a build. The caller disposes of it.
 *
 * @param data directory for our data roots
 */
export async function findUnpackers(
  data: string,
): Promise<
  { readonly unpackers: readonly Unpacker[]; readonly missing: readonly string[] } & AsyncDisposable
> {
  const ours = drayageCommand();
  const engine = new RunningEngine(); // one for all rounds, as the daemons, which have pulled before, too
  const unpackers: Unpacker[] = [
    {
      name: ENGINE,
      pull: (reference) =>
        inFreshFolder(data, (root) => {
          const options = { root, layers: true, registry: { plainHttp: true } };
          return engine.ask({ options, reference });
        }),
    },
    {
      name: COMMAND,
      pull: (reference) =>
        inFreshFolder(data, (root) => {
          const options = ["-q", "--unpack", "--plain-http", "--root", root];
          return measure([...ours, "pull", ...options, reference], process.env);
        }),
    },
  ];
  const missing: string[] = [];
  for (const peer of PEERS) {
    const part = findPart(peer.part);
    if (part && (await answers(part.path))) unpackers.push(byDaemon(part.path, peer));
    else missing.push(`${peer.daemon} (${peer.part})`);
  }
  return { unpackers, missing, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

/** A daemon, its client, and what that is told to pull an image and to take it away. */
interface Peer {
  readonly daemon: string;
  readonly part: PartName;
  readonly pull: readonly string[];
  readonly remove: readonly string[];
}

const PEERS: readonly Peer[] = [
  {
    daemon: CONTAINERD,
    part: "ctr",
    pull: ["images", "pull", "--plain-http"],
    remove: ["images", "rm", "--sync"],
  },
  { daemon: DOCKERD, part: "docker", pull: ["pull", "-q"], remove: ["rmi", "-f"] },
];

function byDaemon(client: string, { daemon, pull, remove }: Peer): Unpacker {
  return {
    name: daemon,
    async pull(reference) {
      const cost = await withDaemon(daemon, () => measure([client, ...pull, reference], process.env));
      await run(client, [...remove, reference]);
      return cost;
    },
  };
}

async function answers(client: string): Promise<boolean> {
  return await run(client, ["version"]).then(
    () => true,
    () => false,
  );
}
