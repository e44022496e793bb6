import type { RegistryOptions } from "../../../../src/registry/endpoints/registry-options.ts";

/** Files that people have, a reference, and the endpoints that come out. */
export interface Row {
  readonly name: string;
  /**
   * Contents by path: below `hosts/` (or `hosts-1/`, `hosts-2/`) containerd's layout, below `certs/` (or `certs-1/`, `certs-2/`)
   * docker's; `registries.conf` and `registries.conf.d/*.conf`; `daemon.json`; `config.json` and `auth.json`. `@ca`, `@other-ca`,
   * `@client.cert`, `@client.key` and `@client.both` stand for PEM.
   */
  readonly files: Readonly<Record<string, string>>;
  readonly reference: string;
  readonly push?: boolean;
  readonly options?: RegistryOptions;
  /** In the words of `describeEndpoint`. */
  readonly endpoints?: readonly string[];
  /** What the error says, where there is one: with the path of the file as it is in `files`. */
  readonly flaw?: string;
  /**
   * `same` where a real containerd asks the same with the same files, or why it does not, perhaps behind `before 2.0: ` or
   * `since 2.0: `; absent where it cannot be asked.
   */
  readonly ctr?: string;
  /** The same of a real skopeo. */
  readonly skopeo?: string;
}
