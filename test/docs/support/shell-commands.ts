import type { CodeBlock } from "./documents.ts";

/** A command of a shell block. */
export interface ShellCommand {
  /** Line in the document. */
  readonly line: number;
  readonly words: readonly string[];
}

/** The commands of a block, one after the other: comments are left out, `a && b` is two. Quotes are not understood. */
export function shellCommands({ line, code }: CodeBlock): readonly ShellCommand[] {
  return code.split("\n").flatMap((content, index) =>
    content
      .replace(/(^|\s)#.*$/, "")
      .split("&&")
      .map((command) => command.split(/\s+/).filter((word) => word !== ""))
      .filter((words) => words.length > 0)
      .map((words) => ({ line: line + index + 1, words })),
  );
}

/** The arguments after `drayage` or `npx drayage`; `undefined` for another program. */
export function cliArguments({ words }: ShellCommand): readonly string[] | undefined {
  const own = words[0] === "npx" ? words.slice(1) : words;
  return own[0] === "drayage" ? own.slice(1) : undefined;
}

/** The script that `npm run x`, `npm test` or `npm ci` needs in package.json; `undefined` for another program. */
export function npmScript({ words: [program, command = "", script = ""] }: ShellCommand): string | undefined {
  if (program !== "npm") return undefined;
  return command === "run" ? script : command;
}
