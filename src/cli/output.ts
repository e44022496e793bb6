import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { Progress } from "../index.ts";
import { formatTable } from "./format-table.ts";
import type { FormattedPart } from "./format-template.ts";
import { escapeJson, terminalJson, terminalText, visibleText } from "./terminal-text.ts";

/*
 * Everything that the command line says goes through this file, because most of it was written by strangers: registries,
 * archives, labels. Only `writeBytes` lets bytes through as they are.
 */

/** What a removal says of content that is in use. */
export const KEPT = "content in use is kept, and goes when that use ends";

/** Where lines go. */
export type LineStream = Pick<NodeJS.WriteStream, "write">;

/** Writes lines of text, each in one piece, whatever is in it. */
export function writeLines(stream: LineStream, lines: Iterable<string>): void {
  for (const line of lines) stream.write(`${terminalText(line)}\n`);
}

/** Writes one JSON message as docker frames them. */
export function writeJsonMessage(stream: LineStream, message: object): void {
  stream.write(`${terminalJson(message)}\r\n`);
}

/** Prints lines on stdout. */
export function printLines(...lines: readonly string[]): void {
  writeLines(process.stdout, lines);
}

/** Prints rows as aligned columns on stdout. */
export function printTable(rows: ReadonlyArray<readonly string[]>): void {
  process.stdout.write(formatTable(rows.map((row) => row.map(terminalText))));
}

/** Prints a value as one line of JSON on stdout, at full length. */
export function printJson(value: object): void {
  process.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
}

/** Prints a value as JSON on stdout for people to read, at full length. */
export function printPrettyJson(value: object): void {
  process.stdout.write(`${escapeJson(JSON.stringify(value, undefined, 2))}\n`);
}

/** Prints a line as a user formatted it: his own text as it is, and all else escaped, at full length. */
export function printFormatted(parts: readonly FormattedPart[]): void {
  const line = parts.map(({ text, isOwn }) => (isOwn ? text : visibleText(text))).join("");
  process.stdout.write(`${line}\n`);
}

/** Writes a JSON document of a stranger to stdout: byte for byte for a program, and so that it can be shown on a terminal. */
export async function writeDocument(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (process.stdout.isTTY) process.stdout.write(`${escapeJson(Buffer.from(bytes).toString())}\n`);
  else await writeBytes(bytes, signal);
}

/** Prints a script of our own on stdout. */
export function writeScript(text: string): void {
  process.stdout.write(text);
}

/** Tells something on stderr, in one line. */
export function tell(text: string): void {
  writeLines(process.stderr, [`drayage: ${text.replaceAll("\n", "; ")}`]);
}

/** Tells on stderr what a command says on its way that shows no progress otherwise. */
export function tellMessage(progress: Progress): void {
  if (progress.kind === "message") tell(progress.message);
}

/** Warns on stderr, in the words and lines of docker. */
export function warn(...lines: readonly string[]): void {
  writeLines(process.stderr, lines);
}

/** Writes a question on stderr; the cursor stays behind it. */
export function writeQuestion(question: string): void {
  process.stderr.write(terminalText(question));
}

/** Ends the line of a question whose answer was not shown. */
export function endQuestion(): void {
  process.stderr.write("\n");
}

/** Writes a line of the log, JSON with its newline, to stderr. */
export function writeLogLine(line: string): void {
  process.stderr.write(escapeJson(line));
}

/** Writes content to stdout as it is; resolves when stdout has room for more. Rejects when the signal fires. */
export async function writeBytes(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, "drain", { signal });
}

/** Resolves when stdout has taken or refused all that was written; its `error` event came before. */
export async function outputTaken(): Promise<void> {
  await new Promise((resolve) => process.stdout.write("", resolve));
  await setImmediate(); // the event of a write that failed follows its callback
}
