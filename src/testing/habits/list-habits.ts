import type { Refusal } from "./refusal.ts";

/** How a registry lists tags and referrers. */
export interface ListHabits {
  /**
   * What is said in place of tags.
   * @defaultValue they are listed
   * @example noTags: { status: 404, words: { code: "NAME_UNKNOWN", message: "no such repository" } }
   */
  readonly noTags: Refusal | undefined;
  /**
   * Most entries of a page.
   * @unit entries
   * @defaultValue 1,000
   * @example pageSize: 2
   */
  readonly pageSize: number;
  /**
   * What is said to who asks for a larger page than there is.
   * @defaultValue the largest one is sent
   * @example tooLargePage: { status: 400, words: { text: "too many" } }
   */
  readonly tooLargePage: Refusal | undefined;
  /**
   * Whether the address of the next page stands in angle brackets, as it has to.
   * @defaultValue `true`
   * @example bracketsLinks: false
   */
  readonly bracketsLinks: boolean;
  /**
   * Fields of a list of tags beside `name` and `tags`.
   * @defaultValue none
   * @example moreFields: { child: [] }
   */
  readonly moreFields: Readonly<Record<string, unknown>>;
  /**
   * What is said in place of referrers.
   * @defaultValue they are listed, and clients need not do it themselves
   * @example noReferrers: { status: 404, words: { text: "not found" } }
   */
  readonly noReferrers: Refusal | undefined;
  /**
   * What is said of the referrers of a manifest that is not there.
   * @defaultValue an empty list
   * @example noSubject: { status: 404, words: { code: "MANIFEST_UNKNOWN", message: "gone" } }
   */
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
