import {
  isClassDeclaration,
  isFunctionDeclaration,
  isGetAccessorDeclaration,
  isInterfaceDeclaration,
  isMethodDeclaration,
  isPropertyDeclaration,
  isVariableDeclaration,
  type Node,
} from "typescript/unstable/ast";
import { oneParagraph } from "./doc-comment.ts";

/** Longest value of a constant that is shown, in characters. */
const MAX_VALUE_CHARS = 60;

/**
 * How the source declares something, in one line: functions up to their body, classes and interfaces up to their members,
 * which are told one by one, constants with their value where it is short.
 */
export function declarationText(node: Node): string {
  return oneParagraph(head(node))
    .replace(/^export /, "")
    .replace(/[;,]$/, "");
}

function head(node: Node): string {
  const text = node.getText();
  if (isClassDeclaration(node) || isInterfaceDeclaration(node)) return before(text, "{");
  if (isFunctionDeclaration(node) || isMethodDeclaration(node) || isGetAccessorDeclaration(node))
    return without(text, node.body)
      .replace(/\basync /, "")
      .replace(/^export \* /, "");
  if (isPropertyDeclaration(node)) return without(text, node.initializer).replace(/\s*=$/, "");
  if (!isVariableDeclaration(node)) return text;
  const value = node.initializer?.getText() ?? "";
  return `const ${value.length > MAX_VALUE_CHARS ? without(text, node.initializer).replace(/\s*=$/, "") : text}`;
}

function without(text: string, end: Node | undefined): string {
  return end === undefined ? text : text.slice(0, text.length - end.getText().length).trimEnd();
}

function before(text: string, mark: string): string {
  return text.slice(0, text.indexOf(mark)).trimEnd();
}
