import { randomBytes } from "node:crypto";

/** How long the campaign goes on; any number by hand, and a seed to have one again. */
export interface Campaign {
  /** `CHAOS_SEED`, else `DRAYAGE_TEST_SEED`; otherwise another one each time. */
  readonly seed: string;
  /** `CHAOS_FAULTS`: faults to commit. */
  readonly faults: number;
  /** `CHAOS_KILLS`: processes to kill. */
  readonly kills: number;
  /** `CHAOS_IMAGES`: random images to compare with what others make of them. */
  readonly images: number;
}

/** What the environment asks for. */
export function campaign(
  { CHAOS_SEED, DRAYAGE_TEST_SEED, CHAOS_FAULTS, CHAOS_KILLS, CHAOS_IMAGES }: NodeJS.ProcessEnv = process.env,
): Campaign {
  return {
    seed: CHAOS_SEED ?? DRAYAGE_TEST_SEED ?? randomBytes(4).toString("hex"),
    faults: Number(CHAOS_FAULTS ?? 2_000),
    kills: Number(CHAOS_KILLS ?? 50),
    images: Number(CHAOS_IMAGES ?? 60),
  };
}

/** Violations with the seed that brings them about again; nothing when there are none. */
export function report(seed: string, violations: readonly string[]): string {
  return [...new Set(violations)].map((violation) => `CHAOS_SEED=${seed}: ${violation}`).join("\n");
}
