import { concurrency } from "./concurrency/bench.ts";
import { content } from "./content/bench.ts";
import { contention } from "./contention/bench.ts";
import { copy } from "./copy/bench.ts";
import { crowds } from "./crowds/bench.ts";
import { download } from "./download/bench.ts";
import type { Bench } from "./driver/bench.ts";
import { floor } from "./floor/bench.ts";
import { largeLayers } from "./large-layers/bench.ts";
import { latency } from "./latency/bench.ts";
import { limits } from "./limits/bench.ts";
import { memory } from "./memory/bench.ts";
import { parsers } from "./parsers/bench.ts";
import { push } from "./push/bench.ts";
import { ranges } from "./ranges/bench.ts";
import { startup } from "./startup/bench.ts";
import { transfers } from "./transfers/bench.ts";
import { unpack } from "./unpack/bench.ts";

/** Every bench, in the order of the list. */
export const BENCHES: readonly Bench[] = [
  download,
  floor,
  concurrency,
  latency,
  ranges,
  limits,
  push,
  copy,
  unpack,
  largeLayers,
  contention,
  crowds,
  transfers,
  memory,
  parsers,
  content,
  startup,
];
