import { describe, expect, it } from "vitest";
import { armVariant } from "../../src/platform/arm-variant.ts";

/** Two cores, as the kernel lists them. */
function cpuinfo(architecture: string, model = "ARMv7 Processor rev 4 (v7l)"): string {
  const core = (n: number): string =>
    `processor\t: ${n}\nmodel name\t: ${model}\nBogoMIPS\t: 38.40\nCPU implementer\t: 0x41\nCPU architecture: ${architecture}\n\n`;
  return core(0) + core(1);
}

describe("armVariant()", () => {
  it.each([
    ["AArch64", "v8"],
    ["8", "v8"],
    ["7", "v7"],
    ["7M", "v7"],
    ["6", "v6"],
    ["6TEJ", "v6"],
    ["5", "v5"],
    ["5T", "v5"],
    ["5TE", "v5"],
    ["5TEJ", "v5"],
    ["4T", undefined],
    ["?", undefined],
  ])("reads CPU architecture %s as %s", (architecture, variant) => {
    expect(armVariant(cpuinfo(architecture), "armv7l")).toBe(variant);
  });

  it("knows the Raspberry Pi that calls itself 7", () => {
    expect(armVariant(cpuinfo("7", "ARMv6-compatible processor rev 7 (v6l)"), "armv6l")).toBe("v6");
  });

  it("takes the first core's word", () => {
    expect(armVariant(cpuinfo("8") + cpuinfo("7"), "")).toBe("v8");
  });

  it.each([
    ["aarch64", "v8"],
    ["armv8l", "v8"],
    ["armv7l", "v7"],
    ["ARMV6L", "v6"],
    ["armv5tel", "v5"],
    ["armv4t", undefined],
    ["x86_64", undefined],
    ["", undefined],
  ])("goes by the machine name %s under emulation", (machine, variant) => {
    expect(armVariant("processor\t: 0\nflags\t: fpu vme\nno colon\n", machine)).toBe(variant);
  });
});
