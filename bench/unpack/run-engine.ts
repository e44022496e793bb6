import { join } from "node:path";
import type { Cost } from "../support/measure.ts";
import { RunningEngine } from "../support/running-engine.ts";

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

/** Starts a process that is asked `{ root, reference }`, pulls and unpacks into that new root. The caller ends it. */
export function startEngine(): RunningEngine<EngineCost> {
  return new RunningEngine([ENGINE]);
}
