/** A Windows version as far as containers care: `major.minor.build[.revision]`. */
export interface WindowsVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** Builds of the long-term servicing releases that run each other's containers: Server 2022 and 2025, newest first. */
const STABLE_ABI_BUILDS = [26_100, 20_348] as const;
/** From this build on (Server 2022), a host runs containers of older builds. */
const FIRST_STABLE_ABI_BUILD = 20_348;

/** `text` as a Windows version; `undefined` where it is none. */
export function parseWindowsVersion(text = ""): WindowsVersion | undefined {
  const [, major, minor, build] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,5})(?:\.|$)/.exec(text) ?? [];
  if (major === undefined) return undefined;
  return { major: Number(major), minor: Number(minor), build: Number(build) };
}

/**
 * Whether a host runs containers made for `container` (Microsoft's version compatibility, as containerd has it): same
 * major and minor version, and the same build; from Server 2022 on every build from the newest long-term release below
 * the host's up to the host's own.
 */
export function runsWindowsContainer(host: WindowsVersion, container: WindowsVersion): boolean {
  if (host.major !== container.major || host.minor !== container.minor) return false;
  if (host.build < FIRST_STABLE_ABI_BUILD) return host.build === container.build;
  const oldest = STABLE_ABI_BUILDS.find((build) => build < host.build) ?? FIRST_STABLE_ABI_BUILD;
  return oldest <= container.build && container.build <= host.build;
}
