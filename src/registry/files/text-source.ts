import { ErrInvalidArgument } from "../../errors/classes.ts";

/** A text of another tool, and whose it is. */
export interface TextSource {
  /** What is done with it, for messages: `Read docker config`. */
  readonly action: string;
  /** Path of the file, or another name for where the text comes from. */
  readonly name: string;
  readonly text: string;
}

/**
 * The error for something wrong in a text at `offset`: names the file, line and column, and never quotes the text, which may hold
 * a secret.
 */
export function flawAt(
  { action, name, text }: TextSource,
  offset: number | undefined,
  reason: string,
): ErrInvalidArgument {
  const [line, column] = positionOf(text, offset ?? 0);
  const where = offset === undefined ? "" : `, line ${line}, column ${column}`;
  return new ErrInvalidArgument(`${action} "${name}"${where}: ${reason}`);
}

/** Line and column, both from 1 on, of a character. */
export function positionOf(text: string, offset: number): readonly [line: number, column: number] {
  const lines = text.slice(0, offset).split("\n");
  return [lines.length, (lines.at(-1) ?? "").length + 1];
}
