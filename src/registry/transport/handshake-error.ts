import { codeOf } from "../../errors/code-of.ts";
import { findError } from "../../errors/predicates.ts";

/** The other side took the connection and said nothing to the beginning of TLS. */
const SILENT = "DRAYAGE_TLS_SILENT";

/** The other side took the connection and hung up at the beginning of TLS. */
export const HUNG_UP = "DRAYAGE_TLS_HUNG_UP";

/** What Node and undici say of a connection that ended before TLS stood, and what that means. */
const MEANING: ReadonlyMap<unknown, string> = new Map([
  ["UND_ERR_CONNECT_TIMEOUT", SILENT],
  ["UND_ERR_SOCKET", HUNG_UP],
  ["ECONNRESET", HUNG_UP],
  ["EPIPE", HUNG_UP],
]);

/** What the codes say, for people. */
export const HANDSHAKE_WORDS: Readonly<Record<string, string>> = {
  [SILENT]: "no answer to the TLS handshake in time",
  [HUNG_UP]: "connection closed at the TLS handshake",
};

/** The error of a connection that was taken and on which TLS did not come to stand. What TLS itself has said stays as it is. */
export function handshakeError(error: unknown): unknown {
  const meaning = MEANING.get(codeOf(error));
  return meaning
    ? Object.assign(new Error(HANDSHAKE_WORDS[meaning], { cause: error }), { code: meaning })
    : error;
}

/** Whether a request failed because its server did not take part in TLS, as one does that speaks plain HTTP alone. */
export function tookNoPartInTls(error: unknown): boolean {
  return Object.hasOwn(HANDSHAKE_WORDS, String(codeOf(findError(error)?.cause)));
}
