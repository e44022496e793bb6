/** After how long V8 is told that the run may be brief, in milliseconds: by then a command has loaded what it uses. */
const BEGINS_AFTER_MS = 80;

/**
 * How long that holds, in milliseconds. A run that takes longer is worth what it leaves out; one that receives a GiB over TLS in that time
 * would spend a twentieth of its CPU time on it.
 */
const LASTS_MS = 2_000;

/**
 * For how long a thread that is started has V8 as it was, in milliseconds: by then it has loaded what it uses. With other flags V8 takes
 * nothing of the code that Node.js keeps of its own modules, those for TLS among them.
 */
const THREAD_LOADS_MS = 250;

/** A flag of V8 that is another one in a brief run, and how it is else. */
interface Flag {
  readonly brief: string;
  readonly usual: string;
}

/** What is left out: to optimize, to look for garbage in the old generation, and to share the search in the young one among threads. */
const FLAGS: readonly Flag[] = [
  { brief: "--no-opt", usual: "--opt" },
  { brief: "--no-maglev", usual: "--maglev" },
  { brief: "--no-incremental-marking", usual: "--incremental-marking" },
  { brief: "--no-parallel-scavenge", usual: "--parallel-scavenge" },
];

/** V8 in a run that may be brief. */
export interface BriefRun {
  /** Does work with V8's flags as they were: only so V8 takes code that was kept, and makes such that it takes another time. */
  readonly asBefore: <T>(work: () => T) => T;
  /** The run is brief no longer, or about to end: V8 is told that. Again does nothing. */
  readonly end: () => void;
}

/**
 * Has V8 leave out, in the beginning of a command, what pays only later. All that a pull of many small layers runs becomes hot at once; to
 * compile it takes an eighth of the pull's CPU time, and it ends before that is made up for. What the pull has made is alive until
 * then, and what looks for garbage among it finds next to nothing.
 *
 * For the command line alone: a flag is everybody's in the process.
 */
export function beginBriefRun(): BriefRun {
  const threads = process.getBuiltinModule("node:diagnostics_channel").channel("worker_threads");
  let isBrief = false;
  let held: readonly Flag[] = [];
  let loading: NodeJS.Timeout | undefined;
  const release = (): void => {
    for (const { usual } of held) changes(usual);
    held = [];
  };
  const settle = (): void => {
    release();
    if (isBrief && !loading) held = FLAGS.filter(({ brief }) => changes(brief));
  };
  const hasLoaded = (): void => {
    loading = undefined;
    settle();
  };
  const onThread = (): void => {
    clearTimeout(loading);
    loading = setTimeout(hasLoaded, THREAD_LOADS_MS).unref();
    settle();
  };
  const end = (): void => {
    clearTimeout(timer);
    clearTimeout(loading);
    threads.unsubscribe(onThread);
    isBrief = false;
    settle();
  };
  threads.subscribe(onThread);
  let timer = setTimeout(() => {
    isBrief = true;
    settle();
    timer = setTimeout(end, LASTS_MS).unref();
  }, BEGINS_AFTER_MS).unref();
  return {
    end,
    asBefore(work) {
      release();
      try {
        return work();
      } finally {
        settle();
      }
    },
  };
}

/** Sets a flag of V8. Whether that changed anything: the flag may have been as it is told to be, which V8 says in no other way. */
function changes(flag: string): boolean {
  const { cachedDataVersionTag, setFlagsFromString } = process.getBuiltinModule("node:v8");
  const before = cachedDataVersionTag();
  setFlagsFromString(flag);
  return cachedDataVersionTag() !== before;
}
