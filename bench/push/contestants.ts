import { existsSync } from "node:fs";
import { join } from "node:path";
import { findPart, type PartName } from "../../test/real/support/parts.ts";

/** What is pushed, and where to. */
interface Job {
  /** Folder of an OCI image layout with one image. */
  readonly layout: string;
  /** Its name in the layout. */
  readonly source: string;
  /** `host:port/repository:tag` at a registry that speaks plain HTTP. */
  readonly target: string;
}

/** A program that pushes from an OCI layout to a registry. */
export interface Contestant {
  readonly name: string;
  /** The command line that does a job. */
  command(job: Job): readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Our command line as it is published; sources would be stripped of their types at every start. */
const DRAYAGE = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

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
    ({ layout, source, target }) => [
      "copy",
      "--from-oci-layout-path",
      layout,
      source,
      "--to-plain-http",
      target,
    ],
  ],
];

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export function findContestants(): {
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
} {
  if (!existsSync(DRAYAGE)) throw new Error(`Cannot find ${DRAYAGE}: run npm run build first`);
  const drayage: Contestant = {
    name: "drayage",
    command: ({ layout, source, target }) => [
      process.execPath,
      DRAYAGE,
      "push",
      "-q",
      "--plain-http",
      "--root",
      layout,
      source,
      target,
    ],
    env: {},
  };
  const contestants = [drayage];
  const missing: string[] = [];
  for (const [name, argumentsFor] of PEERS) {
    const part = findPart(name);
    if (part) contestants.push({ name, command: (job) => [part.path, ...argumentsFor(job)], env: part.env });
    else missing.push(name);
  }
  return { contestants, missing };
}
