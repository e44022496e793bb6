import { algorithmOf, type Digest, isDigest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrUnknown } from "../../errors/classes.ts";
import { type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";

/**
 * Checks that a success is the registry's word that it has stored what it was given. Throws `ErrUnknown` for a web page of
 * somebody else, and `ErrDataLoss` when the digest that it names (`Docker-Content-Digest`) is another one. Silence about the
 * digest is accepted, and so is another algorithm: some registries name all content by sha256.
 */
export function checkStored(request: HttpRequest, response: HttpResponse, digest: Digest): void {
  const endpoint = new URL(request.url).origin;
  if (isPage(response)) {
    const problem = `got ${response.status} with a web page, wanted 201`;
    throw new ErrUnknown(`${request.method} ${endpoint}: ${problem}`, {
      endpoint,
      digest,
      httpStatus: response.status,
      retryable: false,
    });
  }
  const stored = headerOf(response, "docker-content-digest") ?? "";
  if (!isDigest(stored) || algorithmOf(stored) !== algorithmOf(digest) || stored === digest) return;
  throw new ErrDataLoss(`${request.method} ${endpoint}: stored ${stored}, wanted ${digest}`, {
    endpoint,
    digest,
  });
}

/**
 * Pages of proxies and portals are 200 to whatever is asked. Some registries call their empty answers HTML as well; those are
 * 201, or say what was stored, or where.
 */
function isPage(response: HttpResponse): boolean {
  const isHtml = /^text\/html\b/i.test(headerOf(response, "content-type") ?? "");
  const isAboutContent = ["docker-content-digest", "location"].some(
    (name) => headerOf(response, name) !== undefined,
  );
  return isHtml && response.status !== 201 && !isAboutContent;
}
