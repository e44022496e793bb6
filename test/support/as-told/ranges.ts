import * as real from "../../../src/remotes/ranges/ranges.ts";
import { rangesAsTold } from "./told.ts";

export * from "../../../src/remotes/ranges/ranges.ts";

/** Stands for that of the sources in processes that tests start. */
export const Ranges = rangesAsTold(real);
