import { type ChallengeHabits, OPEN_CHALLENGE } from "./challenge-habits.ts";
import { HONEST_LISTS, type ListHabits } from "./list-habits.ts";
import { HONEST_PULL, type PullHabits } from "./pull-habits.ts";
import {
  HONEST_MANIFESTS,
  HONEST_MOUNT,
  HONEST_UPLOAD,
  type ManifestHabits,
  type MountHabits,
  type UploadHabits,
} from "./push-habits.ts";
import { HONEST_TOKENS, type TokenHabits } from "./token-habits.ts";

/** Where registries differ, as switches. Each is looked at in one place of the API, whatever the product. */
export interface Habits {
  /**
   * How it asks who somebody is.
   * @defaultValue `HONEST_HABITS.challenge`
   * @example challenge: { scheme: "basic" }
   */
  readonly challenge: ChallengeHabits;
  /**
   * How its token server is.
   * @defaultValue `HONEST_HABITS.tokens`
   * @example tokens: { methods: ["GET"] }
   */
  readonly tokens: TokenHabits;
  /**
   * How it answers those who read.
   * @defaultValue `HONEST_HABITS.pull`
   * @example pull: { needsAccept: true }
   */
  readonly pull: PullHabits;
  /**
   * How it takes uploads.
   * @defaultValue `HONEST_HABITS.upload`
   * @example upload: { singlePost: false }
   */
  readonly upload: UploadHabits;
  /**
   * How it mounts blobs of other repositories.
   * @defaultValue `HONEST_HABITS.mount`
   * @example mount: { mounts: false }
   */
  readonly mount: MountHabits;
  /**
   * Which manifests it takes.
   * @defaultValue `HONEST_HABITS.manifests`
   * @example manifests: { maxBytes: 100_000 }
   */
  readonly manifests: ManifestHabits;
  /**
   * How it lists tags and referrers.
   * @defaultValue `HONEST_HABITS.lists`
   * @example lists: { pageSize: 2 }
   */
  readonly lists: ListHabits;
}

/** Some switches; those that are absent stay as they are. */
export type SomeHabits = { readonly [Group in keyof Habits]?: Partial<Habits[Group]> | undefined };

/** The OCI distribution-spec by the letter, open to all. */
export const HONEST_HABITS: Habits = {
  challenge: OPEN_CHALLENGE,
  tokens: HONEST_TOKENS,
  pull: HONEST_PULL,
  upload: HONEST_UPLOAD,
  mount: HONEST_MOUNT,
  manifests: HONEST_MANIFESTS,
  lists: HONEST_LISTS,
};

const GROUPS = Object.keys(HONEST_HABITS) as readonly (keyof Habits)[];

/** `habits` with the switches of `changes`, group by group; later changes win. */
export function withHabits<H extends SomeHabits>(habits: H, ...changes: readonly SomeHabits[]): H {
  const layers: readonly SomeHabits[] = [habits, ...changes];
  const merged = GROUPS.map((group) => [group, Object.assign({}, ...layers.map((layer) => layer[group]))]);
  return Object.fromEntries(merged) as H; // it has every group that `habits` has
}

/** Whether somebody is sent to another host: for tokens, or for blobs. */
export function needsOtherHost({ tokens, pull }: Habits): boolean {
  return tokens.host === "other" || pull.links?.host === "other";
}
