import { checkArgument } from "../options/check-options.ts";
import { eitherOf, listOf, objectWith, type Rule, recordOf, required, rule } from "../options/rule.ts";
import { aBoolean, aFiniteNumber, aSignal, aString, wholeNumberFrom } from "../options/rules.ts";
import { replaceMethods } from "./ownership/replace-methods.ts";
import type {
  BlobReference,
  CommitOptions,
  ListOptions,
  ReaderAt,
  Store,
  Writer,
  WriterOptions,
} from "./store.ts";

/** How a call says that an argument cannot be: as a promise, by what it iterates over, or at once. */
type Kind = "promise" | "iterable" | "call";

/** One method: what it does, in the words of an error, and what its arguments have to be, by name. */
interface Call {
  readonly action: string;
  readonly kind: Kind;
  readonly given: Readonly<Record<string, Rule>>;
}

/** The methods of `T`, but for those that take nothing. */
type Calls<T, Without extends keyof T = never> = Readonly<Record<Exclude<keyof T, Without>, Call>>;

/** Also one that no content has: whoever announces that is told what there is instead. */
const aSize = aFiniteNumber;
const bytes = rule("a Uint8Array", (value) => value instanceof Uint8Array);
const labels = recordOf(
  eitherOf(
    aString,
    rule("undefined", (value) => value === undefined),
  ),
);

// What a caller has beside these is passed over: a descriptor will do where a blob is named.
const options = objectWith({ signal: aSignal });
const listOptions = objectWith<ListOptions>({ filters: listOf(aString), signal: aSignal });
const reference = objectWith<BlobReference>({ digest: required(aString), size: aSize });
const writerOptions = objectWith<WriterOptions>({
  ref: required(aString),
  size: aSize,
  expected: aString,
  unread: aBoolean,
  brief: aBoolean,
  times: objectWith({ hashMs: aFiniteNumber, writeMs: aFiniteNumber }),
  signal: aSignal,
});
const commitOptions = objectWith<CommitOptions>({ size: aSize, expected: aString, labels });

const STORE_CALLS: Calls<Store> = {
  info: { action: "look at content", kind: "promise", given: { digest: required(aString), options } },
  update: {
    action: "update content",
    kind: "promise",
    given: {
      info: required(objectWith({ digest: required(aString), labels })),
      fieldpaths: listOf(aString),
    },
  },
  walk: { action: "list content", kind: "iterable", given: { options: listOptions } },
  delete: { action: "delete content", kind: "promise", given: { digest: required(aString), options } },
  readerAt: { action: "open content", kind: "promise", given: { reference: required(reference), options } },
  writer: { action: "open writer", kind: "promise", given: { options: required(writerOptions) } },
  status: { action: "look at ingest", kind: "promise", given: { ref: required(aString), options } },
  listStatuses: { action: "list ingests", kind: "promise", given: { options: listOptions } },
  abort: { action: "abort ingest", kind: "promise", given: { ref: required(aString), options } },
};

const WRITER_CALLS: Calls<
  Writer,
  "path" | "handOver" | "digest" | "status" | "close" | typeof Symbol.asyncDispose
> = {
  write: { action: "write content", kind: "call", given: { bytes: required(bytes) } },
  truncate: { action: "truncate ingest", kind: "promise", given: { size: required(aSize) } },
  commit: { action: "commit content", kind: "promise", given: { options: commitOptions } },
};

const READER_CALLS: Calls<ReaderAt, "size" | "path" | "close" | typeof Symbol.asyncDispose> = {
  readAt: {
    action: "read content",
    kind: "promise",
    given: { buffer: required(bytes), offset: required(wholeNumberFrom(0)) },
  },
};

/**
 * Makes a store, its writers and its readers refuse arguments that cannot be, before anything is done, with
 * `ErrInvalidArgument` that names the argument. Returns the same store.
 */
export function checkedStore<S extends Store>(store: S): S {
  return defineCheckedStore(store, store);
}

/** `store` as `checkedStore` makes it, for somebody else: whoever uses `store` itself is not checked. */
export function checkedView<S extends Store>(store: S): S {
  return replaceMethods(store, defineCheckedStore({}, store));
}

/** Defines the methods of a store on `target`, checked. */
function defineCheckedStore<T extends object>(target: T, store: Store): T {
  const [writer, readerAt] = [store.writer.bind(store), store.readerAt.bind(store)];
  const opening: Pick<Store, "writer" | "readerAt"> = {
    writer: async (options) => checkedLikeOthers(await writer(options), WRITER_CALLS),
    readerAt: async (...given) => checkedLikeOthers(await readerAt(...given), READER_CALLS),
  };
  defineChecked(target, { calls: STORE_CALLS, of: store, bound: store });
  const { writer: openWriter, readerAt: openReader } = STORE_CALLS;
  const calls = { writer: openWriter, readerAt: openReader };
  return defineChecked(target, { calls, of: opening, bound: opening });
}

/** The same for some methods of a store that is made of another one. Returns the same object. */
export function checkedMethods<T extends Partial<Store>>(methods: T): T {
  return checkCalls(methods, STORE_CALLS);
}

function checkCalls<T extends object>(target: T, calls: Readonly<Record<string, Call>>): T {
  return defineChecked(target, { calls, of: target, bound: target });
}

/** Prototypes that check, by those below which they are. */
const CHECKING = new WeakMap<object, object>();

/**
 * What `checkCalls` does, for one of many objects of a class: what checks them is made once, and below it they stay as they are to V8,
 * which looks up each property of an object that was given methods of its own.
 */
function checkedLikeOthers<T extends object>(target: T, calls: Readonly<Record<string, Call>>): T {
  const kind: unknown = Object.getPrototypeOf(target);
  const isOfClass = typeof kind === "object" && kind !== null && kind !== Object.prototype;
  if (!isOfClass || Object.keys(calls).some((name) => Object.hasOwn(target, name))) {
    return checkCalls(target, calls);
  }
  const checking =
    CHECKING.get(kind) ?? defineChecked(Object.create(kind) as object, { calls, of: kind, bound: undefined });
  CHECKING.set(kind, checking);
  return Object.setPrototypeOf(target, checking) as T;
}

/** What is checked. */
interface CheckedMethods {
  readonly calls: Readonly<Record<string, Call>>;
  /** Whose methods they are. */
  readonly of: object;
  /** What they are called on, however that is done; `undefined`: what they are called on. */
  readonly bound: object | undefined;
}

function defineChecked<T extends object>(target: T, { calls, of, bound }: CheckedMethods): T {
  for (const [name, call] of Object.entries(calls)) {
    const method: unknown = Reflect.get(of, name);
    if (typeof method !== "function") continue;
    define(target, name, function (this: unknown, ...given: unknown[]): unknown {
      return refused(call, given) ?? Reflect.apply(method, bound ?? this, given);
    });
  }
  return target;
}

/** What a call gives whose arguments cannot be; `undefined` when they can. */
function refused({ action, kind, given: rules }: Call, given: readonly unknown[]): unknown {
  try {
    let at = 0;
    for (const name in rules) {
      const [each, value] = [rules[name], given[at++]];
      if (each && (value !== undefined || each.required)) checkArgument(action, name, value, each);
    }
    return undefined;
  } catch (error) {
    if (kind === "call") throw error;
    return kind === "promise" ? Promise.reject(error) : failing(error);
  }
}

/** A list that cannot be begun. */
function failing(error: unknown): AsyncIterable<never> {
  const next = async (): Promise<never> => {
    throw error;
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
