import { cachedDataVersionTag, setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import { beforeAll, describe, expect, it } from "vitest";
import { delayTierUp, type WebAssemblyNamespace } from "../../src/cli/delay-tier-up.ts";

type Count = (down: number) => void;

const { WebAssembly: ours } = globalThis as unknown as {
  readonly WebAssembly: WebAssemblyNamespace & {
    readonly Instance: new (module: object) => { readonly exports: Record<string, Count> };
  };
};

/** A module with one function, which counts down; its name tells one module from the other. */
function counter(name: string): Uint8Array {
  const head = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const types = [0x01, 0x05, 0x01, 0x60, 0x01, 0x7f, 0x00, 0x03, 0x02, 0x01, 0x00];
  const exported = [0x07, 0x05, 0x01, 0x01, name.charCodeAt(0), 0x00, 0x00];
  const loop = [0x03, 0x40, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b];
  return Uint8Array.from([...head, ...types, ...exported, 0x0a, 0x10, 0x01, 0x0e, 0x00, ...loop, 0x0b]);
}

/** V8's own words for whether the optimizing compiler has been at a function. */
let isOptimized: (count: Count) => boolean;

beforeAll(() => {
  setFlagsFromString("--allow-natives-syntax");
  isOptimized = runInThisContext("(count) => %IsTurboFanFunction(count)") as typeof isOptimized;
  isOptimized(instantiate(ours, "z")); // compiled while V8 reads such words
  setFlagsFromString("--no-allow-natives-syntax");
});

function instantiate({ Module }: WebAssemblyNamespace, name: string): Count {
  const { exports } = new ours.Instance(new Module(counter(name)));
  return exports[name] as Count;
}

function delayed(Module = ours.Module): WebAssemblyNamespace {
  const namespace = { Module };
  delayTierUp({ WebAssembly: namespace });
  return namespace;
}

describe("delayTierUp()", () => {
  it("keeps what runs a while from being optimized, and what was compiled without it is", async () => {
    const [late, soon] = [instantiate(delayed(), "a"), instantiate(ours, "b")];
    while (!isOptimized(soon)) {
      for (const count of [late, soon]) count(1_000_000);
      await new Promise(setImmediate);
    }
    expect(isOptimized(late)).toBe(false);
  });

  it("has V8's flags changed only while a module is compiled, also one that is none", () => {
    const before = cachedDataVersionTag();
    const during: number[] = [];
    const { Module } = delayed(
      class extends ours.Module {
        constructor(bytes: Uint8Array) {
          super(bytes);
          during.push(cachedDataVersionTag());
        }
      },
    );
    expect(new Module(counter("c"))).toBeInstanceOf(ours.Module);
    expect(during).not.toEqual([before]);
    expect(cachedDataVersionTag()).toBe(before);
    expect(() => new Module(new Uint8Array(8))).toThrow(/expected magic word/);
    expect(cachedDataVersionTag()).toBe(before);
  });

  it("leaves a process alone that has no WebAssembly, or was given flags for it", () => {
    expect(() => delayTierUp({})).not.toThrow();
    const { execArgv } = process;
    process.execArgv = [...execArgv, "--wasm-tiering-budget=1000"];
    try {
      expect(delayed().Module).toBe(ours.Module);
    } finally {
      process.execArgv = execArgv;
    }
    expect(delayed().Module).not.toBe(ours.Module);
  });
});
