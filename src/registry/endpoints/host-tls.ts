import { ErrInvalidArgument } from "../../errors/classes.ts";
import { checkTlsOptions, readCertificates } from "../configuration/certificate-files.ts";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import type { HostTlsOptions } from "./registry-options.ts";

/** What the options of a host and the files that they name say together. Throws what `readCertificates` throws. */
export async function readHostTls(
  files: ConfigurationFiles,
  { caFile = [], certFile, keyFile = certFile, ...given }: HostTlsOptions,
): Promise<TlsOptions> {
  const client = certFile === undefined || keyFile === undefined ? [] : [{ cert: certFile, key: keyFile }];
  const read = await readCertificates(files, { ca: [caFile].flat(), client });
  const ca = [...(given.ca ?? []), ...(read.ca ?? [])];
  return { ...given, ...read, ...(ca.length > 0 && { ca }) };
}

/**
 * Checks what was given as it is; files are read when they are needed. Throws `ErrInvalidArgument`.
 * @param name whose options they are, for messages
 */
export function checkHostTls({ certFile, keyFile, ...given }: HostTlsOptions, name: string): void {
  checkTlsOptions(given, name);
  if (keyFile !== undefined && certFile === undefined)
    throw new ErrInvalidArgument(`read tls of ${name}: got keyFile alone, wanted certFile too`);
  if (certFile !== undefined && (given.cert ?? given.key) !== undefined)
    throw new ErrInvalidArgument(`read tls of ${name}: got certFile beside cert or key, wanted one of them`);
}
