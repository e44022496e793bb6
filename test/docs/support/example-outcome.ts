import type { CodeBlock } from "./documents.ts";
import type { Outcome } from "./run-program.ts";

/** What is shown behind a statement that prints: `console.log(x); // what it prints`. */
const SHOWN = /console\.log\(.*\);\s*\/\/ (.+)$/;

/**
 * What is wrong with how the example of `block` ran, or `undefined`: it failed, did not end, or did not print, in this order,
 * the lines that its comments show. One `...` in such a comment stands for anything.
 */
export function problemOf({ path, line, code }: CodeBlock, outcome: Outcome): string | undefined {
  const { status, stdout, stderr } = outcome;
  if (status === undefined) return `${path}:${line}: the example did not end\n${stdout}${stderr}`;
  if (status !== 0) return `${path}:${line}: the example ended with status ${status}\n${stdout}${stderr}`;
  const printed = stdout.split("\n");
  let from = 0;
  for (const [index, content] of code.split("\n").entries()) {
    const shown = SHOWN.exec(content)?.[1];
    if (shown === undefined) continue;
    const found = printed.findIndex((text, position) => position >= from && matches(text, shown));
    if (found < 0) return `${path}:${line + index + 1}: "${shown}" was not printed\n${stdout}`;
    from = found + 1;
  }
  return undefined;
}

function matches(text: string, shown: string): boolean {
  const [start = "", end] = shown.split("...");
  if (end === undefined) return text === shown;
  return text.startsWith(start) && text.slice(start.length).endsWith(end);
}
