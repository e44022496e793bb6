import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPart } from "../../test/real/support/parts.ts";
import { withDaemon } from "../support/daemons.ts";
import { drayageCommand } from "../support/find-programs.ts";
import { type Cost, measure } from "../support/measure.ts";
import { startEngine } from "./run-engine.ts";

/** Who pulls an image and unpacks it. */
export interface Contestant {
  readonly name: string;
  /** Pulls into a place that has nothing of it, and measures that; then takes it away again. */
  pull(reference: string): Promise<Cost>;
  /** Ends what was started for it. */
  readonly close?: () => Promise<void>;
}

const run = promisify(execFile);

/**
 * The contestants on this machine, drayage first, and the names of those that are missing. Daemons are those that `ctr` and
 * `docker` on PATH talk to. Throws without a build.
 *
 * @param data directory for our data roots
 */
export async function findContestants(
  data: string,
): Promise<{ readonly contestants: readonly Contestant[]; readonly missing: readonly string[] }> {
  const ours = drayageCommand();
  const engine = startEngine(); // as the daemons, which have pulled before, too
  const contestants: Contestant[] = [
    {
      name: "drayage in an engine",
      pull: (reference) => inFreshRoot(data, (root) => engine.ask({ root, reference })),
      close: () => engine[Symbol.asyncDispose](),
    },
    { name: "drayage", pull: (reference) => inFreshRoot(data, (root) => byCommand(ours, root, reference)) },
  ];
  const missing: string[] = [];
  for (const peer of [containerd, dockerd]) {
    const contestant = await peer();
    if (typeof contestant === "string") missing.push(contestant);
    else contestants.push(contestant);
  }
  return { contestants, missing };
}

async function inFreshRoot(data: string, pull: (root: string) => Promise<Cost>): Promise<Cost> {
  const root = await mkdtemp(join(data, "drayage-unpack-"));
  try {
    return await pull(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function byCommand(ours: readonly string[], root: string, reference: string): Promise<Cost> {
  const options = ["-q", "--unpack", "--plain-http", "--root", root];
  return await measure([...ours, "pull", ...options, reference], process.env);
}

async function containerd(): Promise<Contestant | string> {
  const part = findPart("ctr");
  if (!part || !(await answers(part.path, ["version"]))) return "containerd (ctr)";
  const ctr = (...args: string[]) => run(part.path, args);
  return {
    name: "containerd",
    async pull(reference) {
      const cost = await withDaemon("containerd", () =>
        measure([part.path, "images", "pull", "--plain-http", reference], process.env),
      );
      await ctr("images", "rm", "--sync", reference);
      return cost;
    },
  };
}

async function dockerd(): Promise<Contestant | string> {
  const part = findPart("docker");
  if (!part || !(await answers(part.path, ["version"]))) return "dockerd (docker)";
  return {
    name: "dockerd",
    async pull(reference) {
      const cost = await withDaemon("dockerd", () =>
        measure([part.path, "pull", "-q", reference], process.env),
      );
      await run(part.path, ["rmi", "-f", reference]);
      return cost;
    },
  };
}

async function answers(program: string, args: readonly string[]): Promise<boolean> {
  return await run(program, [...args]).then(
    () => true,
    () => false,
  );
}
