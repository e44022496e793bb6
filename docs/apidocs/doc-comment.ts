import type { Checker, Symbol as Declared } from "typescript/unstable/sync";
import type { Parameter } from "./api.ts";

/** What the comment in front of a declaration says. */
export interface DocComment {
  readonly description: string;
  /** The texts of its block tags by name, such as `example`. */
  readonly tags: ReadonlyMap<string, readonly string[]>;
}

/** Reads the doc comment of a declaration; one that has none says nothing. */
export function docComment(checker: Checker, symbol: Declared): DocComment {
  const tags = new Map<string, string[]>();
  for (const { name, text = "" } of symbol.getJsDocTags(checker)) {
    tags.set(name, [...(tags.get(name) ?? []), oneParagraph(text)]);
  }
  return { description: symbol.getDocumentationComment(checker).trim(), tags };
}

/** What the comment says of parameters: `@param name text`. */
export function parametersOf({ tags }: DocComment): readonly Parameter[] {
  return (tags.get("param") ?? []).map((text) => {
    const [name = ""] = /^\w+/.exec(text) ?? [];
    return { name, description: text.slice(name.length).trim() };
  });
}

/** Comments are broken where the line of the source ends, which means nothing. */
export function oneParagraph(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}
