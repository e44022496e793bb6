import { applyEdits, findNodeAtLocation, modify, type Node, type ParseError, parseTree } from "jsonc-parser";
import type { ErrInvalidArgument } from "../../errors/classes.ts";
import { parseJson } from "../http/parse-json.ts";
import { flawAt, type TextSource } from "./text-source.ts";

/** Where in a document something is: keys and indexes from its root. */
export type JsonPath = readonly (string | number)[];

/** How values are written into a document: as docker indents its own. */
const FORMAT = { insertSpaces: false, tabSize: 1, eol: "\n" };

/** A JSON document of another tool, whose flaws are told with line and column, and never with its content. */
export class JsonText {
  readonly #source: TextSource;

  constructor(source: TextSource) {
    this.#source = source;
  }

  /** What the text says. Throws `ErrInvalidArgument` when it is no JSON. */
  parse(): unknown {
    const value = parseJson(this.#source.text);
    if (value === undefined) throw this.#invalid("not JSON", this.#firstError());
    return value;
  }

  /** The error of a value that is not what it should be. */
  invalid(at: JsonPath, reason: string): ErrInvalidArgument {
    const { root } = this.#tree();
    return this.#invalid(reason, root && findNodeAtLocation(root, [...at])?.offset);
  }

  /** The text with `value` put in at a place, or taken out where it is `undefined`; all else stays as it is. */
  with(at: JsonPath, value: unknown): string {
    const { text } = this.#source;
    return applyEdits(text, modify(text, [...at], value, { formattingOptions: FORMAT }));
  }

  #invalid(reason: string, offset: number | undefined): ErrInvalidArgument {
    const { action, name, text } = this.#source;
    return flawAt({ action, name, text }, offset, reason);
  }

  #firstError(): number {
    const { root, errors } = this.#tree();
    return errors[0]?.offset ?? root?.offset ?? 0;
  }

  #tree(): { readonly root: Node | undefined; readonly errors: readonly ParseError[] } {
    const errors: ParseError[] = [];
    try {
      return { root: parseTree(this.#source.text, errors, { disallowComments: true }), errors };
    } catch {
      return { root: undefined, errors }; // nested so deep that it runs out of stack
    }
  }
}
