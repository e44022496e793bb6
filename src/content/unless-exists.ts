import { isAlreadyExists } from "../errors/predicates.ts";

/** What `promise` gives, or `undefined` when it rejects with `ErrAlreadyExists`. */
export async function unlessExists<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isAlreadyExists(error)) return undefined;
    throw error;
  }
}
