/** Names that Go and Node spell differently; all others are the same in both. */
const OS_BY_NODE: Readonly<Record<string, string>> = {
  cygwin: "windows",
  sunos: "solaris",
  win32: "windows",
};

const ARCHITECTURE_BY_NODE: Readonly<Record<string, string>> = {
  ia32: "386",
  mipsel: "mipsle",
  x64: "amd64",
};

const KNOWN_OS: ReadonlySet<string> = new Set([
  "aix",
  "android",
  "darwin",
  "dragonfly",
  "freebsd",
  "hurd",
  "illumos",
  "ios",
  "js",
  "linux",
  "nacl",
  "netbsd",
  "openbsd",
  "plan9",
  "solaris",
  "wasip1",
  "windows",
  "zos",
]);

const KNOWN_ARCHITECTURES: ReadonlySet<string> = new Set([
  "386",
  "amd64",
  "amd64p32",
  "arm",
  "arm64",
  "arm64be",
  "armbe",
  "loong64",
  "mips",
  "mips64",
  "mips64le",
  "mips64p32",
  "mips64p32le",
  "mipsle",
  "ppc",
  "ppc64",
  "ppc64le",
  "riscv",
  "riscv64",
  "s390",
  "s390x",
  "sparc",
  "sparc64",
  "wasm",
]);

/** Go's name of an operating system that Node calls `name` (`process.platform`). */
export function goOs(name: string): string {
  return OS_BY_NODE[name] ?? name;
}

/** Go's name of an architecture that Node calls `name` (`process.arch`) on a machine of this byte order. */
export function goArchitecture(name: string, endianness: "BE" | "LE"): string {
  if (name === "ppc64" && endianness === "LE") return "ppc64le";
  return ARCHITECTURE_BY_NODE[name] ?? name;
}

/** Whether Go has an operating system of this (normalised) name. */
export function isKnownOs(name: string): boolean {
  return KNOWN_OS.has(name);
}

/** Whether Go has an architecture of this (normalised) name. */
export function isKnownArchitecture(name: string): boolean {
  return KNOWN_ARCHITECTURES.has(name);
}
