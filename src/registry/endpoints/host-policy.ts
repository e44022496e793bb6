import { join } from "node:path";
import type { AbortOptions } from "../../async/abort.ts";
import { dockerCertificates, readCertificates } from "../configuration/certificate-files.ts";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import type { TlsOptions } from "../http/tls-options.ts";
import { readHostTls } from "./host-tls.ts";
import { isInsecure, parseInsecureRegistries } from "./insecure.ts";
import { pathsOf } from "./path-list.ts";
import { isSelectedHost, type RegistryOptions, registryName } from "./registry-options.ts";

/** How a host is spoken to, whoever named it. */
export class HostPolicy {
  readonly #options: RegistryOptions;
  readonly #files: ConfigurationFiles;
  readonly #insecure: readonly string[];

  /**
   * @param insecure registries that a file calls insecure, beside those of the options
   */
  constructor(options: RegistryOptions, files: ConfigurationFiles, insecure: readonly string[] = []) {
    this.#options = options;
    this.#files = files;
    this.#insecure = insecure;
  }

  /** Plain HTTP and nothing else. */
  isPlain(host: string): boolean {
    return isSelectedHost(this.#options.plainHttp, host);
  }

  /** Whether the options switch the check of the certificate off, and leave it at HTTPS. */
  skipsVerification(host: string): boolean {
    return isSelectedHost(this.#options.skipTlsVerify, host);
  }

  /**
   * Whether the certificate need not be checked, and plain HTTP will do. `loopback` is what counts for loopback hosts that nobody
   * has listed. Rejects when the signal fires.
   */
  async isInsecure(
    host: string,
    { signal, loopback = true }: AbortOptions & { readonly loopback?: boolean } = {},
  ): Promise<boolean> {
    const listed = [...(this.#options.insecureRegistries ?? []), ...this.#insecure];
    const registries = parseInsecureRegistries(listed);
    return await isInsecure(host, registries, { resolveHost: this.#options.resolveHost, signal, loopback });
  }

  /** What the options say about the host. Throws what `readCertificates` throws. */
  async given(host: string): Promise<TlsOptions | undefined> {
    const entries = Object.entries(this.#options.tls ?? {});
    const [, given] = entries.find(([name]) => registryName(name) === host) ?? [];
    return given && (await readHostTls(this.#files, given));
  }

  /** What docker's layout of certificates has for the host: the first directory of its name counts. */
  async certificates(host: string): Promise<TlsOptions | undefined> {
    for (const root of pathsOf(this.#options.certsDir)) {
      const directory = join(root, process.platform === "win32" ? host.replaceAll(":", "") : host);
      if (!(await this.#files.hasDirectory(directory))) continue;
      const found = await dockerCertificates(this.#files, directory);
      return found && (await readCertificates(this.#files, found));
    }
    return undefined;
  }
}
