import { join } from "node:path";
import type { ConfigurationFiles } from "../files/configuration-files.ts";
import { type CertificateFiles, dockerCertificates } from "./certificate-files.ts";
import { type HostsFile, parseHostsToml } from "./hosts-toml.ts";

/** What the directory of a registry says. */
export interface HostsDirectory {
  /** `undefined` when there is no hosts.toml, or an empty one. */
  readonly hosts: HostsFile | undefined;
  /** Docker's layout, which counts where there is no hosts.toml. */
  readonly certificates: CertificateFiles | undefined;
}

/**
 * The directory of a registry, host[:port], in containerd's layout: in each root `host_port_`, `host:port` and `_default` are
 * looked for, and the first one that is there counts, so that a `_default` hides what a later root has. `undefined` when there
 * is none. Throws `ErrInvalidArgument` for a hosts.toml that cannot be read as one, and the classes of `diskError`.
 */
export async function findHostsDirectory(
  files: ConfigurationFiles,
  roots: readonly string[],
  registry: string,
): Promise<HostsDirectory | undefined> {
  for (const directory of roots.flatMap((root) => candidates(root, registry))) {
    if (await files.hasDirectory(directory)) return await readDirectory(files, directory);
  }
  return undefined;
}

function candidates(root: string, registry: string): readonly string[] {
  const [, host, port] = /^(.*):(\d+)$/.exec(registry) ?? [];
  const names = port === undefined ? [registry] : [`${host}_${port}_`, registry];
  // Windows has no colons in names; containerd leaves them out there.
  const written = process.platform === "win32" ? names.map((name) => name.replaceAll(":", "")) : names;
  return [...written, "_default"].map((name) => join(root, name));
}

async function readDirectory(files: ConfigurationFiles, directory: string): Promise<HostsDirectory> {
  const hosts = await files.read(join(directory, "hosts.toml"), async (text, path) =>
    text === "" ? { hosts: undefined } : { hosts: await parseHostsToml(text, path) },
  );
  if (hosts?.hosts) return { hosts: hosts.hosts, certificates: undefined };
  return { hosts: undefined, certificates: await dockerCertificates(files, directory) };
}
