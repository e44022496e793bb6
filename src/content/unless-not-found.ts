import { isNotFound } from "../errors/predicates.ts";

/** What `promise` gives, or `undefined` when it rejects with `ErrNotFound`. */
export async function unlessNotFound<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
