import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findPart, type PartName } from "../../test/real/support/parts.ts";
import { type Cost, measure } from "../push/measure.ts";

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

/** Our command line as it is published; sources would be stripped of their types at every start. */
const DRAYAGE = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

/** The process that embeds us. */
const ENGINE = new URL("engine.ts", import.meta.url).pathname;

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

/** The contestants on this machine, drayage first, and the names of those that are missing. Throws without a build. */
export function findContestants(): {
  readonly contestants: readonly Contestant[];
  readonly missing: readonly string[];
} {
  if (!existsSync(DRAYAGE)) throw new Error(`Cannot find ${DRAYAGE}: run npm run build first`);
  const contestants: Contestant[] = [
    { name: "drayage in an engine", pull: pullInEngine },
    program("drayage", ({ reference, folder }) => [
      process.execPath,
      DRAYAGE,
      "pull",
      "-q",
      "--plain-http",
      "--root",
      folder,
      reference,
    ]),
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
  return { name, pull: (job) => measure(command(job), { ...process.env, HOME: job.folder, ...env }) };
}

/** The library in a process that runs already: neither its start nor loading it is counted. */
async function pullInEngine({ reference, folder: root }: Job): Promise<Cost> {
  const child = spawn(process.execPath, [ENGINE], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next(); // it is ready
  child.stdin.end(`${JSON.stringify({ root, reference })}\n`);
  const { value } = await lines.next();
  if (value === undefined) throw new Error("Cannot pull in an engine: it ended without an answer");
  await once(child, "exit");
  return JSON.parse(value) as Cost;
}
