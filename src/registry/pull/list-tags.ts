import { ErrOutOfRange, ErrUnknown } from "../../errors/classes.ts";
import { PageTrail } from "../http/next-page.ts";
import { parseJson, untrustedFields } from "../http/parse-json.ts";
import type { Asker, HttpRequest, HttpResponse } from "../http/send.ts";
import type { RepositorySession } from "../repository/repository-session.ts";

/** Tags asked for per page; CNCF distribution refuses more. */
const PAGE_TAGS = 1_000;

/** Longest page, in bytes: registries that ignore the page size send all tags at once, of up to 128 characters each. */
export const MAX_TAG_PAGE_BYTES = 16 * 1024 * 1024;

/** Pages of one listing; a registry that goes on longer is sending us in circles. */
export const MAX_TAG_PAGES = 10_000;

/**
 * The tags of a repository, page by page (OCI distribution-spec, end-8a and end-8b). Follows `Link` headers within the
 * endpoint's origin only. Throws `ErrUnknown` for an answer that is no tag list or leads elsewhere, `ErrOutOfRange` past
 * `MAX_TAG_PAGES` or `MAX_TAG_PAGE_BYTES`; the bounds of `PageTrail` hold for all pages together.
 */
export async function* listTags(
  session: RepositorySession,
  { signal, waiter }: Asker = {},
): AsyncGenerator<string, void, undefined> {
  const headers = { accept: "application/json" };
  let request: HttpRequest | undefined = session.request({
    method: "GET",
    path: `tags/list?n=${PAGE_TAGS}`,
    headers,
    signal,
    waiter,
  });
  const trail = new PageTrail("list tags");
  for (let page = 1; request; page++) {
    if (page > MAX_TAG_PAGES) throw new ErrOutOfRange(`list tags: more than ${MAX_TAG_PAGES} pages`);
    const { tags, next }: Page = await readPage(session, request, trail);
    yield* tags;
    request = next;
  }
}

interface Page {
  readonly tags: readonly string[];
  readonly next: HttpRequest | undefined;
}

function readPage(session: RepositorySession, request: HttpRequest, trail: PageTrail): Promise<Page> {
  return session.document(request, async (response: HttpResponse) => ({
    tags: parseTags(await trail.read(response, MAX_TAG_PAGE_BYTES), request),
    next: trail.next(request, response),
  }));
}

function parseTags(bytes: Uint8Array, request: HttpRequest): readonly string[] {
  const answer = parseJson(bytes);
  if (answer === undefined) throw malformed(request, "got no JSON");
  const { tags } = untrustedFields<"tags">(answer);
  if (tags === null || tags === undefined) return []; // Go registries write an empty list as null
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) {
    throw malformed(request, `got no list of strings in "tags"`);
  }
  return tags;
}

function malformed({ url }: HttpRequest, problem: string): ErrUnknown {
  const { origin, pathname } = new URL(url);
  return new ErrUnknown(`list tags ${origin}${pathname}: ${problem}`, {
    endpoint: origin,
    retryable: false,
  });
}
