import type { Api, Option, OptionType } from "../../../docs/apidocs/api.ts";
import { compile } from "../../../docs/apidocs/compiler.ts";
import { TOP } from "./documents.ts";
import type { ExampleScope } from "./example-world.ts";

/** Where the program of the examples stands while it is checked and run. */
export const EXAMPLE_PROGRAM = ".cache/option-examples/program.ts";

/** Where what examples may name is described. */
const SCOPE_FILE = "test/docs/support/example-world.ts";

/** The names in an `ExampleScope`. */
const SCOPE = [
  "clock",
  "console",
  "containerd",
  "distribution",
  "endpoint",
  "labels",
  "layer",
  "logger",
  "send",
  "store",
] satisfies ReadonlyArray<keyof ExampleScope>;

/** An example of an option, of one type that has it. */
export interface OptionExample {
  readonly type: OptionType;
  readonly option: Option;
  /** What stands between the braces. */
  readonly text: string;
}

/** What an option is called in lists: the file that declares it, its type, and its name. */
export function optionKey({ place, owner, name }: Option): string {
  return `${place} ${owner}.${name}`;
}

/** Every example, once for each type that has the option. */
export function examplesOf({ optionTypes }: Api): readonly OptionExample[] {
  return optionTypes.flatMap((type) =>
    type.options.flatMap((option) => option.examples.map((text) => ({ type, option, text }))),
  );
}

/**
 * A program whose `examples` makes functions that make the objects of `examples`, in the same order. What they name is taken
 * from the doors, or out of an `ExampleScope`.
 */
export function exampleProgram(examples: readonly OptionExample[], api: Api): string {
  const text = examples.map((example) => example.text).join("\n");
  const used = new Set(text.match(/(?<![.\w"])[A-Za-z]\w*/g));
  const offered = new Map(
    api.doors.flatMap(({ name, entries }) =>
      entries.filter(isValue).map((entry) => [entry.name, `src/${doorFile(name)}.ts`] as const),
    ),
  );
  const imports = [...used]
    .filter((name) => offered.has(name))
    .map((name) => importOf(name, offered.get(name)));
  const types = [...new Set(examples.map(({ type }) => type))];
  return [
    ...imports,
    ...types.map(declareType),
    `import type { ExampleScope } from ${fromProgram(SCOPE_FILE)};`,
    `export const examples = ({ ${SCOPE.join(", ")} }: ExampleScope) => [`,
    ...examples.map(
      ({ type, text: fields }) => `async (): Promise<Partial<T${types.indexOf(type)}>> => ({ ${fields} }),`,
    ),
    "];",
  ].join("\n");
}

/** What the compiler says to a program, one line for each complaint. */
export function complaintsAbout(program: string, examples: readonly OptionExample[]): readonly string[] {
  const path = TOP + EXAMPLE_PROGRAM;
  using compiled = compile(TOP.replace(/\/$/, ""), { [path]: program });
  const first = program.split("\n").findIndex((line) => line.startsWith("export const examples"));
  const { program: checked } = compiled;
  return [...checked.getSyntacticDiagnostics(path), ...checked.getSemanticDiagnostics(path)].map(
    ({ pos, text }) => {
      const example = examples[program.slice(0, pos).split("\n").length - 2 - first];
      return `${example ? `${optionKey(example.option)} (in ${example.type.name}) ${example.text}` : "imports"}: ${text}`;
    },
  );
}

function isValue({ kind }: { readonly kind: string }): boolean {
  return kind === "function" || kind === "class" || kind === "constant";
}

function doorFile(name: string): string {
  return name.includes("/") ? name.replace(/^.*\//, "") : "index";
}

function importOf(name: string, file = ""): string {
  return `import { ${name} } from ${fromProgram(file)};`;
}

function declareType({ expression, root }: OptionType, at: number): string {
  const alias = `R${at}`;
  const renamed = expression.replaceAll(new RegExp(`\\b${root.name}\\b(?!")`, "g"), alias);
  return `import type { ${root.name} as ${alias} } from ${fromProgram(root.file)}; type T${at} = ${renamed};`;
}

/** A path from the top of the repository, as the program imports it. */
function fromProgram(path: string): string {
  return JSON.stringify(`../../${path}`);
}
