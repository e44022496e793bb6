import { nodeTls } from "./node-tls.ts";

let known: ReadonlySet<string> | undefined;

/**
 * Whether Node.js trusts this authority (PEM) by itself: it need not be parsed again, which for the hundred and more
 * that a system trusts takes longer than all else before a first request.
 */
export function isKnownAuthority(pem: string): boolean {
  known ??= new Set(nodeTls().getCACertificates("default").map(bodyOf));
  return known.has(bodyOf(pem));
}

/** Lines may be of any length. */
function bodyOf(pem: string): string {
  return pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
}
