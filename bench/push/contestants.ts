import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findPart, type PartName } from "../../test/real/support/parts.ts";
import { type Cost, measure } from "./measure.ts";

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

/** Our command line as it is published; sources would be stripped of their types at every start. */
const DRAYAGE = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

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

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export function findContestants(): {
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
} {
  if (!existsSync(DRAYAGE)) throw new Error(`Cannot find ${DRAYAGE}: run npm run build first`);
  const contestants: Contestant[] = [
    program("drayage", ({ layout, source, target, tls }) => [
      process.execPath,
      DRAYAGE,
      "push",
      "-q",
      tls ? "--insecure" : "--plain-http",
      "--root",
      layout,
      source,
      target,
    ]),
    { name: "drayage in an engine", push: pushInEngine },
  ];
  const missing: string[] = [];
  for (const [name, argumentsFor] of PEERS) {
    const part = findPart(name);
    if (part) contestants.push(program(name, (job) => [part.path, ...argumentsFor(job)], part.env));
    else missing.push(name);
  }
  return { contestants, missing };
}

function program(name: string, command: Arguments, env: Readonly<Record<string, string>> = {}): Contestant {
  return { name, push: (job, home) => measure(command(job), { ...process.env, HOME: home, ...env }) };
}

/** The library in a process that runs already: neither its start nor loading it is counted. */
async function pushInEngine({ layout, source, target, tls }: Job, home: string): Promise<Cost> {
  const child = spawn(process.execPath, [ENGINE, layout, ...(tls ? [registryOf(target)] : [])], {
    env: { ...process.env, HOME: home },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next(); // it is ready
  child.stdin.end(`${JSON.stringify({ source, target })}\n`);
  const { value } = await lines.next();
  if (value === undefined) throw new Error("Cannot push in an engine: it ended without an answer");
  await once(child, "exit");
  return JSON.parse(value) as Cost;
}

function registryOf(target: string): string {
  return target.slice(0, target.indexOf("/"));
}
