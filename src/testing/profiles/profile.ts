import type { SomeHabits } from "../habits/habits.ts";

/** A product, and the switches that make the registry behave like it. */
export interface Profile {
  /** Its name, for people. */
  readonly product: string;
  readonly habits: SomeHabits;
}

/** What somebody is told who writes to a registry that is only read. */
export function readOnly(message: string): SomeHabits["upload"] {
  return { readOnly: { status: 405, words: { code: "UNSUPPORTED", message } } };
}

/** No referrers API, as most of those say who have none. */
export const NO_REFERRERS = { status: 404, words: { text: "404 page not found\n" } } as const;

/** Where a token server says that a grant is empty instead. */
export function deniedByStatus(status: number, message: string) {
  return { status, words: { code: status === 401 ? "UNAUTHORIZED" : "DENIED", message } } as const;
}
