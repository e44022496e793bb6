import { throwIfAborted } from "../../async/abort.ts";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { DrayageError, ErrorDetails } from "../../errors/drayage-error.ts";
import { fromHttpStatus } from "../../errors/http.ts";
import { redactOrigin, redactUrl } from "../../errors/redact-url.ts";
import { withMessage } from "../../errors/with-message.ts";
import { parseRetryAfter } from "../http/retry-after.ts";
import { isRetryableStatus } from "../http/retryable-status.ts";
import { type HttpRequest, type HttpResponse, headerOf } from "../http/send.ts";
import { statusWords } from "../http/status-words.ts";
import { type RegistryError, readErrorBody } from "./error-body.ts";
import { registryErrorKind } from "./error-table.ts";

/** What a refused token means, in the words of CNCF distribution's client, which docker shows (RFC 6750, section 3.1). */
const CHALLENGE_ERRORS: ReadonlyMap<string, RegistryError> = new Map([
  ["invalid_token", { code: "UNAUTHORIZED", message: "authentication required" }],
  ["insufficient_scope", { code: "DENIED", message: "requested access to the resource is denied" }],
]);

/**
 * The error of a failed answer, whose body is read for it. The first error code with a known meaning decides the class,
 * otherwise the status; 429 is always `ErrResourceExhausted`. The message is the registry's own, in the form that docker
 * shows ("manifest unknown: ..."), or names request and status when there is no code. Every coded error of the body is
 * in `errors`, also those without a message. `endpoint` is the origin of the request. Throws only when the signal fires.
 */
export async function errorFromResponse(
  request: HttpRequest,
  response: HttpResponse,
  clock: Clock = systemClock,
): Promise<DrayageError> {
  const { errors, words } = await readErrorBody(response);
  throwIfAborted(request.signal);
  const details: ErrorDetails = {
    endpoint: new URL(request.url).origin,
    httpStatus: response.status,
    ...(isRedirected(request, response) && { answeredBy: "redirect target" }),
    retryable: isRetryableStatus(response.status),
    retryAfterMs: parseRetryAfter(headerOf(response, "retry-after"), clock.now()),
  };
  const all = [...challengeErrors(response), ...errors];
  const decisive = all.find(({ code }) => registryErrorKind(code)) ?? all[0];
  const list = decisive && all.map((error) => codedError(error, details));
  const error = decisive
    ? codedError(decisive, { ...details, errors: list })
    : fromHttpStatus(response.status, statusMessage(request, response, { words, details }), details);
  const { remark } = response;
  return remark === undefined ? error : withMessage(error, `${error.message}; ${remark}`);
}

function codedError({ code, message }: RegistryError, details: ErrorDetails): DrayageError {
  const registryCode = code.toUpperCase();
  const name = registryCode.toLowerCase().replaceAll("_", " ");
  const text = [name, message.toLowerCase() === name ? "" : message].filter((part) => part !== "").join(": ");
  const status = details.httpStatus ?? 500;
  const kind = status === 429 ? undefined : registryErrorKind(code);
  if (!kind) return fromHttpStatus(status, text, { ...details, registryCode });
  return new kind.make(text, { ...details, registryCode, retryable: kind.retryable });
}

function challengeErrors(response: HttpResponse): RegistryError[] {
  if (response.status !== 401) return [];
  const challenge = [response.headers["www-authenticate"] ?? []].flat().join(", ");
  const error = /\berror="?(\w+)"?/i.exec(challenge)?.[1] ?? "";
  const meaning = CHALLENGE_ERRORS.get(error.toLowerCase());
  return meaning ? [meaning] : [];
}

function isRedirected({ url }: Pick<HttpRequest, "url">, response: HttpResponse): boolean {
  return new URL(response.url).origin !== new URL(url).origin;
}

function statusMessage(
  { method, url }: HttpRequest,
  response: HttpResponse,
  { words, details }: { readonly words: string; readonly details: ErrorDetails },
): string {
  const via = isRedirected({ url }, response) ? ` (redirected to ${redactOrigin(response.url)})` : "";
  const status = statusWords(response.status);
  const wait =
    details.retryAfterMs === undefined ? "" : `asks to wait ${Math.ceil(details.retryAfterMs / 1_000)} s`;
  return [`${method} ${redactUrl(url)}${via}`, status, words, wait].filter((part) => part !== "").join(": ");
}
