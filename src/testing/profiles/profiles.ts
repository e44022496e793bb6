import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { ApiOptions } from "../api/api-options.ts";
import { HONEST_HABITS, type SomeHabits, withHabits } from "../habits/habits.ts";
import { CLOUDS } from "./clouds.ts";
import { HOSTED } from "./hosted.ts";
import type { Profile } from "./profile.ts";
import { SERVERS } from "./servers.ts";

const PROFILES = { ...HOSTED, ...CLOUDS, ...SERVERS } as const;

/** The products that a test registry can behave like. */
export type ProfileName = keyof typeof PROFILES;

/** Their names. */
export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[];

/** What is known of a product. Throws `ErrInvalidArgument` for one that is not. */
export function profileOf(name: ProfileName): Profile {
  if (Object.hasOwn(PROFILES, name)) return PROFILES[name];
  const known = PROFILE_NAMES.join(", ");
  throw new ErrInvalidArgument(`Start registry: option "profile": got another name, wanted one of ${known}`);
}

/**
 * The options with the profile's habits below their own. Throws `ErrInvalidArgument` for a profile or a switch that
 * there is not, and for an account where nobody is ever asked for one.
 */
export function withProfile<T extends ApiOptions & { readonly profile?: ProfileName | undefined }>(
  options: T,
): T {
  const { profile, habits = {} } = options;
  checkSwitches(habits);
  if (profile === undefined) return options;
  const { habits: known } = profileOf(profile);
  if (known.challenge?.scheme === "none" && options.access) {
    throw new ErrInvalidArgument(
      `Start registry: option "access": nobody is asked who he is at "${profile}"`,
    );
  }
  return { ...options, habits: withHabits(known, habits) };
}

function checkSwitches(habits: SomeHabits): void {
  for (const [group, switches] of Object.entries(habits)) {
    const known: unknown = Object.hasOwn(HONEST_HABITS, group) && HONEST_HABITS[group as keyof SomeHabits];
    if (typeof known !== "object" || known === null) throw unknownSwitch(group);
    const odd = Object.keys(switches ?? {}).find((name) => !Object.hasOwn(known, name));
    if (odd !== undefined) throw unknownSwitch(`${group}.${odd}`);
  }
}

function unknownSwitch(path: string): ErrInvalidArgument {
  return new ErrInvalidArgument(`Start registry: option "habits.${path}": there is no such switch`);
}
