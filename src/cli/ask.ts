import { once } from "node:events";
import { createInterface } from "node:readline";
import { addAbortSignal, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { ErrCanceled, ErrInvalidArgument } from "../errors.ts";
import { endQuestion, writeQuestion } from "./output.ts";

/** How a question is asked. */
export interface AskOptions {
  /** Whether what is typed stays unseen. */
  readonly hidden?: boolean | undefined;
  readonly signal: AbortSignal;
}

/**
 * Asks a person on the terminal, on stderr, and gives the line that was typed. Rejects with `ErrCanceled` at the end of
 * input, and with an `AbortError` when the signal fires, as it does at Ctrl-C.
 */
export async function ask(question: string, { hidden = false, signal }: AskOptions): Promise<string> {
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: hidden ? unseen : process.stderr,
    terminal: true,
  });
  writeQuestion(question); // only now does the terminal itself show nothing of what is typed
  lines.once("SIGINT", () => process.kill(process.pid, "SIGINT")); // as it would be without an editor of lines
  const closed = once(lines, "close").then(() => {
    throw new ErrCanceled("ask for a login: nobody answered");
  });
  try {
    const [line] = (await Promise.race([once(lines, "line", { signal }), closed])) as [string];
    return line;
  } finally {
    closed.catch(() => {});
    lines.close();
    if (hidden) endQuestion();
  }
}

/** Whether there is a person to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY;
}

/**
 * The secret on stdin, to its end, without the line break that programs put behind it. Throws `ErrInvalidArgument` when
 * there is none, and an `AbortError` when the signal fires.
 */
export async function readSecret(signal: AbortSignal): Promise<string> {
  const secret = (await text(addAbortSignal(signal, process.stdin))).replace(/[\r\n]+$/, "");
  if (secret === "") throw new ErrInvalidArgument("read password from stdin: got nothing");
  return secret;
}
