import { abortable, anySignal, throwIfAborted } from "../../async/abort.ts";
import { waitPatiently } from "../../async/wait-patiently.ts";
import type { Waiter } from "../../async/waiting.ts";
import { messageOf } from "../../errors/message-of.ts";

/** How a hook is asked. */
export interface AskHookOptions {
  /** Ends the wait for an answer. */
  readonly signal?: AbortSignal | undefined;
  /** Waits for an answer that takes long. Default: one that has nothing to give back and shows nothing. */
  readonly waiter?: Waiter | undefined;
  /** What people are shown meanwhile. */
  readonly words: string;
  /** Makes the error of a refusal. */
  readonly refused: (reason: string, cause?: unknown) => Error;
}

/**
 * Asks an embedder's hook, which is given a signal that fires when nobody waits for its answer any more. Throws what `refused` makes
 * when it throws, rejects or says `false`, and the abort error when the signal fires.
 */
export async function askHook(
  hook: (context: { readonly signal: AbortSignal }) => unknown,
  { signal: outer, waiter, words, refused }: AskHookOptions,
): Promise<void> {
  throwIfAborted(outer);
  const over = new AbortController();
  const signal = anySignal(outer, over.signal);
  const failed = (cause: unknown): never => {
    throwIfAborted(outer);
    throw refused(messageOf(cause), cause);
  };
  const patiently = (answer: Promise<unknown>): Promise<unknown> =>
    waitPatiently(answer, { reason: { code: "other", words }, waiter, signal: outer });
  try {
    const word = answerOf(hook, signal, failed);
    const said = word instanceof Promise ? await patiently(abortable(word.catch(failed), outer)) : word;
    if (said === false) throw refused("the hook said no");
  } finally {
    over.abort();
  }
}

function answerOf(
  hook: (context: { readonly signal: AbortSignal }) => unknown,
  signal: AbortSignal,
  failed: (cause: unknown) => never,
): unknown {
  try {
    return hook({ signal });
  } catch (error) {
    return failed(error);
  }
}
