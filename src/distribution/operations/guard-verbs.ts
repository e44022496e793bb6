import { readOnlyRoot } from "../../disk/read-only-root.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import type { Distribution } from "../api/distribution.ts";
import type { FailedEvent } from "../api/events.ts";
import { VERBS, type Verb } from "../api/verbs.ts";

/** The methods of an engine that give a promise, or an iteration. */
type PromisingMethod = {
  readonly [K in keyof Distribution]: Distribution[K] extends (
    ...args: never[]
  ) => Promise<unknown> | AsyncIterable<unknown>
    ? K
    : never;
}[Exclude<keyof Distribution, "close" | symbol>];

/** A method that is missing in the table does not compile here. */
const ALL: Readonly<Record<PromisingMethod, "reads" | "writes">> = VERBS;

type Call = (...args: unknown[]) => Promise<unknown> | AsyncIterable<unknown>;

/** What surrounds the verbs of an engine. */
export interface VerbGuard {
  /** Told what fails. Must not throw. */
  readonly tell: (event: FailedEvent) => void;
  /** Whether verbs that write to the data root are refused at once, with `ErrFailedPrecondition`. */
  readonly readOnly: boolean;
}

/** Puts something around each verb of an engine, whose other methods stay as they are. Returns the engine. */
export function guardVerbs<D extends Distribution>(distribution: D, { tell, readOnly }: VerbGuard): D {
  for (const verb of Object.keys(ALL) as Verb[]) {
    const own = distribution[verb].bind(distribution) as Call;
    const call = readOnly && ALL[verb] === "writes" ? refusing(verb) : own;
    const value = (...args: unknown[]): ReturnType<Call> => {
      const running = call(...args);
      const failed = (error: unknown): void => tell({ verb, subjects: subjectsOf(args), error });
      return Symbol.asyncIterator in running ? iterating(running, failed) : settling(running, failed);
    };
    Object.defineProperty(distribution, verb, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return distribution;
}

function refusing(verb: Verb): Call {
  return async () => {
    throw readOnlyRoot(verb);
  };
}

async function settling<T>(running: Promise<T>, onFailure: (error: unknown) => void): Promise<T> {
  try {
    return await running;
  } catch (error) {
    onFailure(error);
    throw error;
  }
}

async function* iterating<T>(
  running: AsyncIterable<T>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<T> {
  try {
    yield* running;
  } catch (error) {
    onFailure(error);
    throw error;
  }
}

/** The names that a call was given, in their order. */
function subjectsOf(args: readonly unknown[]): readonly string[] {
  return args.flat().flatMap((arg) => (typeof arg === "string" ? [withoutUserInfo(arg)] : []));
}
