import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { basename, join } from "node:path";
import { ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import type { ClientPair } from "./hosts-toml.ts";

/** How a key with a passphrase begins, and how it does in OpenSSL's older form. */
const LOCKED = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** Files that say how the certificate of a host is checked and which one is shown. */
export interface CertificateFiles {
  /** Files of authorities. */
  readonly ca: readonly string[];
  readonly client: readonly ClientPair[];
}

/**
 * The files of docker's layout in one directory: `*.crt` are authorities, `X.cert` with `X.key` is a client certificate (moby
 * `ReadCertsDirectory`). `undefined` when there are none. Throws `ErrInvalidArgument` for half a pair; a `.cert` that has its key
 * inside needs no other file (containerd).
 */
export async function dockerCertificates(
  files: ConfigurationFiles,
  directory: string,
): Promise<CertificateFiles | undefined> {
  const names = await files.names(directory);
  const ca = names.filter((name) => name.endsWith(".crt")).map((name) => join(directory, name));
  const client = names
    .filter((name) => name.endsWith(".cert"))
    .map((name) => {
      const key = name.replace(/cert$/, "key");
      const cert = join(directory, name);
      return { cert, key: names.includes(key) ? join(directory, key) : cert };
    });
  const lonely = names.find((name) => name.endsWith(".key") && !names.includes(name.replace(/key$/, "cert")));
  if (lonely !== undefined) {
    const wanted = lonely.replace(/key$/, "cert");
    throw new ErrInvalidArgument(
      `read "${directory}": missing client certificate ${wanted} for key ${lonely}`,
    );
  }
  return ca.length + client.length > 0 ? { ca, client } : undefined;
}

/**
 * What the files hold. Throws `ErrInvalidArgument` for one that holds no certificate or key, or a key of another certificate,
 * `ErrNotFound` for one that is not there.
 */
export async function readCertificates(
  files: ConfigurationFiles,
  { ca, client }: CertificateFiles,
): Promise<TlsOptions> {
  const authorities = await Promise.all(ca.map((path) => readPem(files, path)));
  const pairs = await Promise.all(client.map((pair) => readPair(files, pair)));
  return {
    ...(authorities.length > 0 && { ca: authorities }),
    ...(pairs.length > 0 && { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) }),
  };
}

/**
 * Checks certificates that were given as they are. Throws `ErrInvalidArgument`.
 * @param name whose they are, for messages
 */
export function checkTlsOptions({ ca = [], cert = [], key = [] }: TlsOptions, name: string): void {
  for (const pem of ca) checkPem(pem, `ca of ${name}`);
  const [certs, keys] = [[cert].flat(), [key].flat()];
  if (certs.length !== keys.length) {
    throw new ErrInvalidArgument(
      `read tls of ${name}: got ${certs.length} cert and ${keys.length} key, wanted pairs`,
    );
  }
  for (const [at, pem] of certs.entries()) {
    const files = { cert: `cert of ${name}`, key: `key of ${name}` };
    checkKey(keys[at] ?? "", checkPem(pem, files.cert), files);
  }
}

async function readPair(
  files: ConfigurationFiles,
  pair: ClientPair,
): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = await Promise.all([readPem(files, pair.cert), readFile(files, pair.key)]);
  return { cert, key: checkKey(key, cert, pair) };
}

function checkKey(key: string, cert: string, files: ClientPair): string {
  if (new X509Certificate(cert).checkPrivateKey(parseKey(key, files))) return key;
  throw new ErrInvalidArgument(`read "${files.key}": not the key of the certificate in "${files.cert}"`);
}

function parseKey(key: string, files: ClientPair): KeyObject {
  try {
    return createPrivateKey(key);
  } catch {
    // The parser's words say nothing to a reader, and its cause might hold the key.
    const hint = files.key === files.cert ? ` (or ${basename(files.cert).replace(/cert$/, "key")})` : "";
    throw new ErrInvalidArgument(
      LOCKED.test(key)
        ? `read "${files.key}": got a private key with a passphrase, wanted one without`
        : `read "${files.key}"${hint}: got no private key, wanted one`,
    );
  }
}

async function readPem(files: ConfigurationFiles, path: string): Promise<string> {
  return checkPem(await readFile(files, path), path);
}

async function readFile(files: ConfigurationFiles, path: string): Promise<string> {
  const text = await files.read(path, (content) => content);
  if (text !== undefined) return text;
  throw new ErrNotFound(`read "${path}": no such file or directory`);
}

/** `text` when it has certificates in PEM form, and each of them can be read: OpenSSL passes over the rest. Throws `ErrInvalidArgument`. */
function checkPem(text: string, path: string): string {
  const begun = text.match(/^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/gm) ?? [];
  if (begun.length === 0) throw new ErrInvalidArgument(`read "${path}": got no PEM certificate, wanted one`);
  const certificates = text.split(/(?=^-----BEGIN )/m).filter(isCertificate);
  const broken = certificates.findIndex((pem) => !isReadable(pem));
  if (broken === -1) return text;
  throw new ErrInvalidArgument(`read "${path}": certificate ${broken + 1} of ${begun.length} cannot be read`);
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

function isCertificate(pem: string): boolean {
  return /^-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(pem);
}
