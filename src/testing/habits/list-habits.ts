import type { Refusal } from "./refusal.ts";

/** How a registry lists tags and referrers. */
export interface ListHabits {
  /** What is said in place of tags; absent: they are listed. */
  readonly noTags: Refusal | undefined;
  /** Most entries of a page. */
  readonly pageSize: number;
  /** What is said to who asks for a larger page than there is; absent: the largest one is sent. */
  readonly tooLargePage: Refusal | undefined;
  /** Whether the address of the next page stands in angle brackets, as it has to. */
  readonly bracketsLinks: boolean;
  /** Fields of a list of tags beside `name` and `tags`. */
  readonly moreFields: Readonly<Record<string, unknown>>;
  /** What is said in place of referrers; absent: they are listed, and clients need not do it themselves. */
  readonly noReferrers: Refusal | undefined;
  /** What is said of the referrers of a manifest that is not there; absent: an empty list. */
  readonly noSubject: Refusal | undefined;
}

/** Most entries of a page of tags or referrers when no limit is set. */
const DEFAULT_PAGE_SIZE = 1000;

/** Everything is listed. */
export const HONEST_LISTS: ListHabits = {
  noTags: undefined,
  pageSize: DEFAULT_PAGE_SIZE,
  tooLargePage: undefined,
  bracketsLinks: true,
  moreFields: {},
  noReferrers: undefined,
  noSubject: undefined,
};
