import { applyEdits, findNodeAtLocation, modify, type Node, type ParseError, parseTree } from "jsonc-parser";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { parseJson } from "../http/parse-json.ts";

/** Where in a document something is: keys and indexes from its root. */
export type JsonPath = readonly (string | number)[];

/** A text that ought to be JSON, and whose it is. */
export interface JsonSource {
  /** What is done with it, for messages: `Read docker config`. */
  readonly action: string;
  /** Path of the file, or another name for where the text comes from. */
  readonly name: string;
  readonly text: string;
}

/** How values are written into a document: as docker indents its own. */
const FORMAT = { insertSpaces: false, tabSize: 1, eol: "\n" };

/** A JSON document of another tool, whose flaws are told with line and column, and never with its content. */
export class JsonText {
  readonly #source: JsonSource;

  constructor(source: JsonSource) {
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
    const where = offset === undefined ? "" : `, ${positionOf(text, offset)}`;
    return new ErrInvalidArgument(`${action} "${name}"${where}: ${reason}`);
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

/** Line and column, both from 1 on, of a character. */
function positionOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}
