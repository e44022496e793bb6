import type { ProfileName } from "../../../src/testing.ts";

/** What comes of a product. */
export interface ProfileRow {
  /** Requests of a pull of an image of two layers, the first one that an engine makes there. */
  readonly pull: number;
  /** The same by crane 0.21 (`crane pull`); `undefined` where it cannot pull. */
  readonly crane: number | undefined;
  /** Whether it takes pushes. */
  readonly isReadOnly?: true;
  /** Whether it tells nobody its tags. */
  readonly hidesTags?: true;
  /** Whether an artifact with the empty config is refused. */
  readonly refusesEmptyConfig?: true;
}

/** All products. The figures hold with and without an account, for all but what only asks for passwords is public there. */
export const PROFILE_ROWS: Readonly<Record<ProfileName, ProfileRow>> = {
  hub: { pull: 9, crane: 9 },
  ghcr: { pull: 9, crane: 9 },
  quay: { pull: 9, crane: 9 },
  gitlab: { pull: 9, crane: 9 },
  rh: { pull: 9, crane: 9, isReadOnly: true },
  ecr: { pull: 8, crane: 8 },
  ecrp: { pull: 9, crane: 9, hidesTags: true },
  gar: { pull: 9, crane: 9 },
  gcr: { pull: 9, crane: 9 },
  acr: { pull: 9, crane: 9 },
  mcr: { pull: 8, crane: 8, isReadOnly: true },
  nvcr: { pull: 9, crane: 9 },
  ocir: { pull: 6, crane: 6 },
  icr: { pull: 6, crane: undefined },
  ali: { pull: 9, crane: 9, refusesEmptyConfig: true },
  harbor: { pull: 6, crane: 6 },
  jfrog: { pull: 9, crane: 9 },
  nexus: { pull: 5, crane: 5 },
  zot: { pull: 9, crane: undefined },
  dist2: { pull: 9, crane: 9 },
  dist3: { pull: 5, crane: 5 },
  gitea: { pull: 6, crane: 6 },
  cfsr: { pull: 5, crane: 5 },
  ocp: { pull: 6, crane: 6 },
};
