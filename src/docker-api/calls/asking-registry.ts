import { registryFailureOf } from "../http/failure.ts";
import { Refusal } from "../http/refusal.ts";

/** Does work that asks a registry; its refusals are told in the statuses that docker's clients can do with. */
export async function askingRegistry<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { status, message } = registryFailureOf(error);
    throw new Refusal(status, message);
  }
}
