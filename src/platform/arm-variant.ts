/** What the kernel writes behind "CPU architecture" for each generation of 32-bit ARM. */
const VARIANT_BY_CPU: ReadonlyMap<string, string> = new Map([
  ["aarch64", "v8"],
  ["8", "v8"],
  ["7", "v7"],
  ["7m", "v7"],
  ["6", "v6"],
  ["6tej", "v6"],
  ["5", "v5"],
  ["5t", "v5"],
  ["5te", "v5"],
  ["5tej", "v5"],
]);

/**
 * The variant of a 32-bit ARM host from the text of `/proc/cpuinfo` and the machine name of `uname`, as containerd finds
 * it: the first core's "CPU architecture", else the machine name, which is all there is under emulation. `undefined`
 * where neither tells, which readers take for v7.
 */
export function armVariant(cpuinfo: string, machine: string): string | undefined {
  const cpu = cpuField(cpuinfo, "cpu architecture");
  if (cpu === undefined) return variantOfMachine(machine.toLowerCase());
  // The Raspberry Pi's ARMv6 cores call themselves architecture 7.
  if (cpu === "7" && cpuField(cpuinfo, "model name")?.startsWith("armv6-compatible")) return "v6";
  return VARIANT_BY_CPU.get(cpu);
}

function cpuField(cpuinfo: string, name: string): string | undefined {
  for (const line of cpuinfo.toLowerCase().split("\n")) {
    const [key = "", value] = line.split(":");
    if (key.trim() === name && value !== undefined) return value.trim();
  }
  return undefined;
}

function variantOfMachine(machine: string): string | undefined {
  if (machine === "aarch64" || machine === "arm64") return "v8";
  return /^arm(v[5-8])/.exec(machine)?.[1];
}
