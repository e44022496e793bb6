/** Preloaded in processes that tests start: makes their engines, which run from the sources too, move blobs as the run was told. */
import { registerHooks } from "node:module";

const here = (path: string): string => new URL(path, import.meta.url).href;

/** Modules of the sources, and what stands for them. */
const INSTEAD = new Map([
  [here("../../../src/remotes/ranges/ranges.ts"), here("ranges.ts")],
  [here("../../../src/remotes/threads/transfer-threads.ts"), here("transfer-threads.ts")],
]);

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const instead = INSTEAD.get(resolved.url);
    // What stands for a module is made of it.
    return instead === undefined || context.parentURL === instead ? resolved : { ...resolved, url: instead };
  },
});
