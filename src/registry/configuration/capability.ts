/** What an endpoint may be used for (containerd hosts.toml `capabilities`). */
export type Capability = "pull" | "resolve" | "push" | "referrers";

/** Everything that a registry may be used for. */
export const ALL_CAPABILITIES: readonly Capability[] = ["pull", "resolve", "push", "referrers"];

/** The capability that a word names, in whatever case; `undefined` when it names none. */
export function capabilityOf(word: string): Capability | undefined {
  return ALL_CAPABILITIES.find((capability) => capability === word.toLowerCase());
}
