import { randomBytes } from "node:crypto";

/** How long the campaign goes on; any number by hand, and a seed to have one again. */
export interface Campaign {
  /** `CHAOS_SEED`; otherwise another one each time. */
  readonly seed: string;
  /** `CHAOS_FAULTS`: faults to commit. */
  readonly faults: number;
  /** `CHAOS_KILLS`: processes to kill. */
  readonly kills: number;
}

/** What the environment asks for. */
export function campaign(
  { CHAOS_SEED, CHAOS_FAULTS, CHAOS_KILLS }: NodeJS.ProcessEnv = process.env,
): Campaign {
  return {
    seed: CHAOS_SEED ?? randomBytes(4).toString("hex"),
    faults: Number(CHAOS_FAULTS ?? 2_000),
    kills: Number(CHAOS_KILLS ?? 50),
  };
}

/** Violations with the seed that brings them about again; nothing when there are none. */
export function report(seed: string, violations: readonly string[]): string {
  return [...new Set(violations)].map((violation) => `CHAOS_SEED=${seed}: ${violation}`).join("\n");
}
