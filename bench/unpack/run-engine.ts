import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Cost } from "../push/measure.ts";

/** The process that embeds us. */
const ENGINE = join(import.meta.dirname, "engine.ts");

/** What a pull by an engine cost. */
export interface EngineCost extends Cost {
  /** Most memory that the process ever had, in MiB. */
  readonly peakMib: number;
  /** How late the event loop was during the pull: 99 of 100 turns at most so many milliseconds, and the latest one. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

/** Pulls and unpacks into a new root, in a process that runs already. */
export async function runEngine(root: string, reference: string): Promise<EngineCost> {
  const child = spawn(process.execPath, [ENGINE], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next(); // it is ready
  child.stdin.write(`${JSON.stringify({ root, reference })}\n`);
  const { value } = (await lines.next()) as { value: string };
  child.stdin.end();
  await once(child, "exit");
  return JSON.parse(value) as EngineCost;
}
