import { throwIfAborted } from "../../async/abort.ts";
import { messageOf } from "../../errors/message-of.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import type { Operation } from "../api/operation.ts";

/** A name that is in place. */
interface DoneImage {
  readonly name: string;
  readonly target: Descriptor;
}

/** What is done for each of several names. */
export interface EachName<I, T> {
  readonly items: readonly I[];
  readonly referenceOf: (item: I) => NormalizedReference;
  readonly work: (item: I) => Promise<T>;
  /** Told about each name at once, whatever becomes of the others. */
  readonly onDone: (done: T) => void;
  /** Whether nobody is left who could be asked for another name. */
  readonly isOver: () => boolean;
}

/** Names that were not tried and are named in a message; all of them are on the error. */
const MAX_SHOWN_NAMES = 10;

interface FailedName {
  readonly reference: string;
  readonly error: unknown;
}

/**
 * Does the work for one name after another. One that fails does not keep the others from their turn, unless nobody is
 * left to ask; the end of the operation's signal does. Of a single name the error is thrown as it is. Of several the
 * one thrown has the class of the first, a line for each name that failed, their errors in `errors`, in `images` what
 * is in place, in `notTried` what was not tried.
 */
export async function forEachName<I, T extends DoneImage>(
  { items, referenceOf, work, onDone, isOver }: EachName<I, T>,
  { signal }: Operation,
): Promise<readonly T[]> {
  const done: T[] = [];
  const failed: FailedName[] = [];
  for (const [at, item] of items.entries()) {
    try {
      throwIfAborted(signal);
      const image = await work(item);
      done.push(image);
      onDone(image);
    } catch (error) {
      if (items.length === 1) throw error;
      if (signal?.aborted) throw withDone(error, done);
      failed.push({ reference: referenceOf(item).toString(), error });
      if (!isOver()) continue;
      const notTried = items.slice(at + 1).map((left) => referenceOf(left).toString());
      throw joined(failed, { done, notTried });
    }
  }
  if (failed.length > 0) throw joined(failed, { done, notTried: [] });
  return done;
}

function joined(
  failed: readonly FailedName[],
  { done, notTried }: { readonly done: readonly DoneImage[]; readonly notTried: readonly string[] },
): unknown {
  const errors = failed.map(({ reference, error }) => named(error, reference));
  const lines = failed.map(({ reference, error }) => `${reference}: ${messageOf(error)}`);
  const [first] = failed;
  const found = findError(first?.error);
  if (!first || !found) return first?.error; // a defect of ours is thrown as it is
  const message = [...lines, ...leftOver(notTried)].join("\n");
  const left = notTried.length > 0 ? { notTried } : {};
  return withDone(withMessage(found, message, { reference: first.reference, errors, ...left }), done);
}

function leftOver(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const more = names.length - MAX_SHOWN_NAMES;
  return [`not tried: ${names.slice(0, MAX_SHOWN_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`];
}

function named(error: unknown, reference: string): unknown {
  const found = findError(error);
  return found ? withMessage(found, messageOf(error), { reference }) : error;
}

function withDone(error: unknown, done: readonly DoneImage[]): unknown {
  const found = findError(error);
  const images = done.map(({ name, target }) => ({ name, digest: target.digest }));
  return found ? withMessage(found, found.message, { images }) : error;
}
