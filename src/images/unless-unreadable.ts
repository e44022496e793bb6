import {
  isDataLoss,
  isFailedPrecondition,
  isInvalidArgument,
  isNotFound,
  isNotImplemented,
} from "../errors/predicates.ts";

const UNREADABLE = [isNotFound, isDataLoss, isInvalidArgument, isFailedPrecondition, isNotImplemented];

/** Whether an error says that one document is missing, damaged, or none that we can read. */
export function isUnreadable(error: unknown): boolean {
  return UNREADABLE.some((is) => is(error));
}

/** What `reading` a document gives; `undefined` when that is missing, damaged, or none that we can read. */
export async function unlessUnreadable<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}
