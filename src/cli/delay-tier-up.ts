/** V8's flag for how much of a WebAssembly function runs, roughly in bytes, before the optimizing compiler compiles it again. */
const BUDGET_FLAG = "--wasm-tiering-budget";

/** Its default in the versions of V8 that are known. */
const DEFAULT_BUDGET = 13_000_000;

/** Major versions of V8 that have the flag with that default: those of Node.js 22 to 26. A test tells of others. */
const KNOWN_VERSIONS: ReadonlySet<string> = new Set(["12", "13", "14"]);

/** The most that V8 takes: some 400 answers through undici's HTTP parser, where the default is used up by three. */
const LONG_BUDGET = 2 ** 31 - 1;

/** What is used of `globalThis.WebAssembly`; Node's types have nothing of it. */
export interface WebAssemblyNamespace {
  /** Compiles a module. */
  Module: new (
    bytes: Uint8Array,
  ) => object;
}

/**
 * From now on, WebAssembly that is compiled in this process, which is undici's HTTP parser, is optimized later: that takes 60 ms of CPU
 * time, a third of a small pull, and the few answers of one never bring it back. V8 copies the budget into a module when it is
 * compiled. Afterwards the flag is as before, because V8 takes code that was kept (load-script.ts) only with the flags that it had then.
 * A thread that compiles the same bytes gets that module, with its budget, from V8.
 *
 * For the command line alone: a flag is everybody's in the process. Does nothing where flags of the kind were given to Node.js, or V8 is
 * another one.
 */
export function delayTierUp(
  { WebAssembly: namespace } = globalThis as { readonly WebAssembly?: WebAssemblyNamespace },
): void {
  const [version = ""] = process.versions.v8.split(".");
  const isGiven = process.execArgv.some((argument) => argument.startsWith("--wasm"));
  if (!namespace || isGiven || !KNOWN_VERSIONS.has(version)) return;
  namespace.Module = new Proxy(namespace.Module, {
    construct(module, parameters, target) {
      const { setFlagsFromString } = process.getBuiltinModule("node:v8"); // half a millisecond, for who needs it
      setFlagsFromString(`${BUDGET_FLAG}=${LONG_BUDGET}`);
      try {
        return Reflect.construct(module, parameters, target) as object;
      } finally {
        setFlagsFromString(`${BUDGET_FLAG}=${DEFAULT_BUDGET}`);
      }
    },
  });
}
