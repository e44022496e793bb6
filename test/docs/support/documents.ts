import { globSync, readFileSync } from "node:fs";

/** The top of the repository, with a slash at the end. */
export const TOP: string = new URL("../../..", import.meta.url).pathname;

/** Where the documents are that must be true. */
const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "docs/**/*.md", "src/*/README.md"];

/** A document of this repository. */
export interface Document {
  /** From the top of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block of a document. */
export interface CodeBlock {
  /** Of the document. */
  readonly path: string;
  /** Line of the opening fence, from 1: line n of the code is line `line + n` of the document. */
  readonly line: number;
  /** What stands behind the opening fence. */
  readonly language: string;
  readonly code: string;
}

/** A row of a table: the text of its cells. */
export interface TableRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** All documents, in order of their paths. */
export function readDocuments(): readonly Document[] {
  return globSync(DOCUMENTS, { cwd: TOP })
    .toSorted()
    .map((path) => ({ path, text: readFileSync(`${TOP}${path}`, "utf8") }));
}

/** The document at `path`. */
export function readDocument(path: string): Document {
  return { path, text: readFileSync(`${TOP}${path}`, "utf8") };
}

/** The fenced blocks of a document. Throws for a fence that is never closed. */
export function codeBlocks({ path, text }: Document): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; language: string; code: string[] } | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const fence = /^```(.*)$/.exec(content);
    if (!fence) {
      open?.code.push(content);
    } else if (open) {
      blocks.push({ path, line: open.line, language: open.language, code: open.code.join("\n") });
      open = undefined;
    } else {
      open = { line: index + 1, language: (fence[1] ?? "").trim(), code: [] };
    }
  }
  if (open) throw new Error(`${path}:${open.line}: this block is never closed`);
  return blocks;
}

/** The document with every fenced block blanked out; its lines keep their numbers. */
export function proseOf(document: Document): string {
  const lines = document.text.split("\n");
  for (const { line, code } of codeBlocks(document)) {
    lines.fill("", line - 1, line + code.split("\n").length + 1);
  }
  return lines.join("\n");
}

/** The code spans of the prose, with the lines that they stand in. */
export function codeSpans(
  document: Document,
): ReadonlyArray<{ readonly line: number; readonly text: string }> {
  return proseOf(document)
    .split("\n")
    .flatMap((content, index) =>
      Array.from(content.matchAll(/`([^`]+)`/g), ([, text = ""]) => ({ line: index + 1, text })),
    );
}

/** The rows of the table whose first column has the title `first`, without code marks. Throws when there is none. */
export function tableRows(document: Document, first: string): readonly TableRow[] {
  const lines = document.text.split("\n");
  const header = lines.findIndex((content) => cellsOf(content)[0] === first);
  if (header < 0) throw new Error(`${document.path}: no table with a first column "${first}"`);
  const rows: TableRow[] = [];
  for (let index = header + 2; lines[index]?.startsWith("|"); index++) {
    rows.push({ line: index + 1, cells: cellsOf(lines[index] ?? "") });
  }
  return rows;
}

function cellsOf(line: string): readonly string[] {
  if (!line.startsWith("|")) return [];
  return line
    .slice(1, line.lastIndexOf("|"))
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll("`", "").trim());
}
