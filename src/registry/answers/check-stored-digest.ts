import { algorithmOf, type Digest, isDigest } from "../../digest/digest.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";

/**
 * Compares what a registry says that it stored (`Docker-Content-Digest`) with what it was given. Throws `ErrDataLoss` when
 * these differ. Silence is accepted, and so is another algorithm: some registries name all content by sha256.
 */
export function checkStoredDigest(request: HttpRequest, response: HttpResponse, digest: Digest): void {
  const stored = headerOf(response, "docker-content-digest") ?? "";
  if (!isDigest(stored) || algorithmOf(stored) !== algorithmOf(digest) || stored === digest) return;
  const endpoint = new URL(request.url).origin;
  throw new ErrDataLoss(`${request.method} ${endpoint}: stored ${stored}, wanted ${digest}`, {
    endpoint,
    digest,
  });
}
