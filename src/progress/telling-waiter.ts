import type { AbortOptions } from "../async/abort.ts";
import { plainWaiter, type Waiter } from "../async/waiting.ts";
import { message, type StepSink } from "./progress.ts";

/** A waiter for work that has no line of its own: what is waited for is a message. The sink must not throw. */
export function tellingWaiter(onProgress: StepSink, { signal }: AbortOptions): Waiter {
  return plainWaiter({ signal, show: (reason) => onProgress(message("", reason.words)) });
}
