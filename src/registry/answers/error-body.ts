import { parseJson, untrustedFields } from "../http/parse-json.ts";
import { registryWords } from "../http/registry-words.ts";
import { type HttpResponse, headerOf } from "../http/send.ts";

/** Longest part of an error body that is looked at, in bytes (containerd reads 64,000). */
export const MAX_ERROR_BODY_BYTES = 64 * 1024;

/** Errors of one body that are kept; a registry has one or two to tell. */
const MAX_ERRORS = 32;

/** One entry of an error document (OCI distribution-spec, "Error Codes"), as it may stand in a message. */
export interface RegistryError {
  readonly code: string;
  readonly message: string;
}

/** What the body of a failed answer says. */
export interface ErrorBody {
  /** The coded errors, if the body is such a document. */
  readonly errors: readonly RegistryError[];
  /** Otherwise what it says in words; empty for web pages. */
  readonly words: string;
}

/** The fields of an error document that are looked at. */
type ErrorField = "errors" | "details" | "message" | "error";

/** Reads the body of a failed answer, as far as it comes: a broken connection must not hide the status. Never throws. */
export async function readErrorBody(response: HttpResponse): Promise<ErrorBody> {
  const text = Buffer.from(await response.body.head(MAX_ERROR_BODY_BYTES)).toString("utf8");
  const value = parseJson(text);
  const { secrets } = response;
  if (value !== undefined) return readJson(value, secrets);
  return { errors: [], words: isPage(response, text) ? pageWords(text) : registryWords(text, secrets) };
}

function readJson(value: unknown, secrets: readonly string[] | undefined): ErrorBody {
  const { errors: list, details, message, error } = untrustedFields<ErrorField>(value);
  const errors = Array.isArray(list)
    ? list.slice(0, MAX_ERRORS).map((entry) => asRegistryError(entry, secrets))
    : [];
  const known = errors.filter(({ code, message: text }) => code !== "" || text !== "");
  const words = [details, message, error].find((text) => typeof text === "string");
  return { errors: known, words: typeof words === "string" ? registryWords(words, secrets) : "" };
}

function asRegistryError(entry: unknown, secrets: readonly string[] | undefined): RegistryError {
  const { code, message } = untrustedFields<"code" | "message">(entry);
  return { code: registryWords(asText(code), secrets), message: registryWords(asText(message), secrets) };
}

function asText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function isPage(response: HttpResponse, text: string): boolean {
  return (
    /[/+](?:html|xml)\b/i.test(headerOf(response, "content-type") ?? "") || text.trimStart().startsWith("<")
  );
}

/** Of an object store's XML the code alone: the rest repeats keys and signatures. */
function pageWords(text: string): string {
  return registryWords(/<Code>(\w{1,64})<\/Code>/.exec(text)?.[1] ?? "");
}
