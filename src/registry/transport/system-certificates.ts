import { X509Certificate } from "node:crypto";
import { type Dirent, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { isKnownAuthority } from "./known-authorities.ts";
import { nodeTls } from "./node-tls.ts";

/** Where Unix systems keep their authorities in one file; the places that Go looks at. */
const USUAL_FILES: readonly string[] = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Where they keep one file for each, for systems without such a file. */
const USUAL_DIRECTORIES: readonly string[] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/** Largest file of authorities that is read, in bytes: the usual ones have a quarter of a MiB. */
const MAX_CERTIFICATE_FILE_BYTES = 8 * 1024 * 1024;

/** Most files that are read out of one directory; the usual ones hold 300. */
const MAX_CERTIFICATE_FILES = 4_096;

/** Where authorities are looked for. */
export interface SystemCertificatesOptions {
  /**
   * Give `process.env`. `SSL_CERT_FILE` stands in the place of the usual files and `SSL_CERT_DIR` (separated by colons) in that
   * of the usual directories, as in Go; `NODE_EXTRA_CA_CERTS` is read as well.
   * @example environment: process.env
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The authorities that the system trusts, PEM, each once: for `connection.authorities`. What cannot be read is left out, because
 * a connection that needs it says so. Reads files and blocks meanwhile, for some milliseconds; drayage itself reads no
 * environment and no store of the system.
 */
export function systemCertificates({ environment }: SystemCertificatesOptions): readonly string[] {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories, NODE_EXTRA_CA_CERTS: extra } = environment;
  const isUnix = process.platform !== "darwin" && process.platform !== "win32";
  const found = extra ? certificatesIn(extra) : [];
  if (!isUnix) found.push(...nodeTls().getCACertificates("system"));
  if (file) found.push(...certificatesIn(file));
  else if (isUnix) found.push(...firstFound(USUAL_FILES, certificatesIn));
  if (directories) found.push(...directories.split(":").flatMap(certificatesBelow));
  else if (isUnix && !file && !found.some(isCertificate))
    found.push(...firstFound(USUAL_DIRECTORIES, certificatesBelow));
  return [...new Set(found)].filter(isCertificate); // most are found several times, and to look at one takes longer than to find it
}

function firstFound(places: readonly string[], read: (place: string) => string[]): string[] {
  for (const place of places) {
    const found = read(place);
    if (found.some(isCertificate)) return found;
  }
  return [];
}

function certificatesBelow(directory: string): string[] {
  if (directory === "") return [];
  try {
    const files = readdirSync(directory, { withFileTypes: true }).slice(0, MAX_CERTIFICATE_FILES);
    return files
      .filter((file) => !isAlias(file))
      .flatMap(({ name }) => certificatesIn(join(directory, name)));
  } catch {
    return []; // there is no such directory
  }
}

/** Whether it is only another name, by the hash that OpenSSL looks for, of a file beside it: every second one is. */
function isAlias(file: Dirent): boolean {
  if (!file.isSymbolicLink()) return false;
  try {
    const target = readlinkSync(join(file.parentPath, file.name));
    return target === basename(target);
  } catch {
    return false; // it has just gone, which whoever reads it finds out as well
  }
}

function certificatesIn(path: string): string[] {
  try {
    const stat = statSync(path);
    if (!stat.isFile() || stat.size > MAX_CERTIFICATE_FILE_BYTES) return [];
    const blocks = readFileSync(path, "latin1").match(
      /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
    );
    return (blocks ?? []).map((block) => block.replaceAll("\r", ""));
  } catch {
    return []; // there is no such file, or it is not ours to read
  }
}

/** One block that OpenSSL cannot read would make all others useless. */
function isCertificate(pem: string): boolean {
  if (isKnownAuthority(pem)) return true;
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
