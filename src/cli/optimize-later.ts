/** After how long the compilers begin to wait, in milliseconds: by then a command has loaded what it uses. */
const BEGINS_AFTER_MS = 80;

/** How long they wait, in milliseconds. A run that takes longer is worth their work. */
const LASTS_MS = 1_000;

/** V8's flags for its optimizing compilers. */
const COMPILERS = ["opt", "maglev"] as const;

/** V8's optimizing compilers, which are made to wait. */
export interface Optimizing {
  /** Does work with V8's flags as they were: only so V8 takes code that was kept, and makes such that it takes another time. */
  readonly asBefore: <T>(work: () => T) => T;
  /** Lets the compilers work from now on. Again does nothing. */
  readonly resume: () => void;
}

/**
 * Has V8 optimize no JavaScript in the beginning of a command. All that a pull of many small layers runs becomes hot at once; to compile
 * it takes an eighth of the pull's CPU time, and it ends before that is made up for.
 *
 * For the command line alone: a flag is everybody's in the process.
 */
export function optimizeLater(): Optimizing {
  let isWaiting = false;
  let compilers: readonly string[] = [];
  const hold = (): void => {
    compilers = COMPILERS.filter((name) => changes(`--no-${name}`));
  };
  const release = (): void => {
    for (const name of compilers) changes(`--${name}`);
    compilers = [];
  };
  const resume = (): void => {
    clearTimeout(timer);
    isWaiting = false;
    release();
  };
  let timer = setTimeout(() => {
    isWaiting = true;
    hold();
    timer = setTimeout(resume, LASTS_MS).unref();
  }, BEGINS_AFTER_MS).unref();
  return {
    resume,
    asBefore(work) {
      release();
      try {
        return work();
      } finally {
        if (isWaiting) hold();
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
