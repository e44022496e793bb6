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

/**
 * What this thread was told to trust by default (`tls.setDefaultCACertificates`), which no other thread knows of; `undefined`: nothing, as
 * far as can be seen, so that others trust the same by themselves.
 */
export function chosenAuthorities(): readonly string[] | undefined {
  const { getCACertificates } = nodeTls();
  const chosen = new Set(getCACertificates("default"));
  const usual = new Set([...getCACertificates("bundled"), ...getCACertificates("extra")]);
  return chosen.size === usual.size && [...chosen].every((pem) => usual.has(pem)) ? undefined : [...chosen];
}

/** Lines may be of any length. */
function bodyOf(pem: string): string {
  return pem.replaceAll(/-----[A-Z ]+-----|\s/g, "");
}
