import { ErrInvalidArgument } from "../../errors/classes.ts";

/** A header name that an engine may pass on for its client: moby's prefix, then a token (RFC 9110, section 5.6.2). */
const NAME = /^X-Meta-[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/i;

/** What a header value may consist of (RFC 9110, section 5.5), so that nobody can add a header of his own. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Throws `ErrInvalidArgument` for a header that is not an `X-Meta-` one: any other could replace what a request needs or
 * carry credentials to a mirror. Values are not shown, they may be secret.
 */
export function checkMetaHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    const shown = JSON.stringify(name);
    if (!NAME.test(name)) throw new ErrInvalidArgument(`check meta header: got ${shown}, wanted X-Meta-*`);
    if (!VALUE.test(value)) throw new ErrInvalidArgument(`check meta header ${shown}: not a header value`);
  }
}
