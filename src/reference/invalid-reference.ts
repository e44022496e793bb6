import { ErrInvalidArgument } from "../errors/classes.ts";
import { redactUrl, withoutUserInfo } from "../errors/redact-url.ts";
import { MAX_REFERENCE_LENGTH } from "./grammar.ts";

/** How much of a refused text an error keeps, in characters: enough to find the place, too little to fill a log. */
const MAX_SHOWN_LENGTH = 256;

/** The error of a text that is no reference; `reference` holds its beginning. */
export function invalidReference(message: string, text: string, cause?: unknown): ErrInvalidArgument {
  return new ErrInvalidArgument(message, { reference: shown(text), cause });
}

/** Refuses what is no string or too long before anything else looks at it. */
export function checkText(text: string): void {
  if (typeof text !== "string") {
    throw new ErrInvalidArgument(`invalid reference format: got ${kindOf(text)}, wanted a string`);
  }
  if (text.length > MAX_REFERENCE_LENGTH) {
    throw invalidReference(
      `invalid reference format: ${text.length} characters, at most ${MAX_REFERENCE_LENGTH}`,
      text,
    );
  }
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** People paste whole URLs, with their password, or put it in front of the host. */
function shown(text: string): string {
  const start = withoutUserInfo(text.slice(0, MAX_REFERENCE_LENGTH));
  return (start.includes("://") ? redactUrl(start) : start).slice(0, MAX_SHOWN_LENGTH);
}
