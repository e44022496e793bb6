import { readFileSync } from "node:fs";
import { isExportDeclaration, isExportSpecifier, type Node, SyntaxKind } from "typescript/unstable/ast";
import {
  type Checker,
  type Symbol as Declared,
  type Signature,
  SignatureKind,
  SymbolFlags,
  type Type,
} from "typescript/unstable/sync";
import type { Api, Door, Entry, EntryKind, Member } from "./api.ts";
import { compile } from "./compiler.ts";
import { declarationText } from "./declaration-text.ts";
import { docComment, parametersOf } from "./doc-comment.ts";
import { OptionTypes } from "./option-types.ts";

/** Reads what the package at `top` offers out of its sources: what its doors export, and the comments on that. */
export function readApi(top: string): Api {
  using compiled = compile(top);
  const { checker, program } = compiled;
  const optionTypes = new OptionTypes(checker, top);
  const doors = doorsOf(top).map(([name, file]) => {
    const source = program.getSourceFile(`${top}/src/${file}.ts`);
    const module = source && checker.getSymbolAtLocation(source);
    if (source === undefined || module === undefined)
      throw new Error(`Cannot read ${name}: no src/${file}.ts`);
    const entries = checker.getExportsOfModule(module).map((exported) => {
      const symbol =
        (exported.flags & SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(exported) : exported;
      const reading = { checker, optionTypes, file: `src/${file}.ts`, isType: isTypeOnly(exported) };
      return readEntry({ ...reading, name: exported.name }, symbol);
    });
    return {
      name,
      page: name.replace(/^.*\//, ""),
      description: moduleComment(source.text),
      entries,
    } satisfies Door;
  });
  return { doors, optionTypes: optionTypes.all() };
}

/** The doors by package.json: name and file. */
function doorsOf(top: string): ReadonlyArray<readonly [name: string, file: string]> {
  const { name, exports } = JSON.parse(readFileSync(`${top}/package.json`, "utf8")) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  return Object.entries(exports).flatMap(([key, target]) => {
    if (typeof target === "string") return [];
    return [[key.replace(/^\./, name), target.default.replace(/^\.\/dist\/|\.js$/g, "")] as const];
  });
}

/** The comment at the top of a door, without its marks. */
function moduleComment(text: string): string {
  const [, comment = ""] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
  return comment
    .replaceAll(/^ *\* ?/gm, "")
    .replace(/^@module\s*$/m, "")
    .trim();
}

/** What is read of, and under which name the door gives it away. */
interface Reading {
  readonly checker: Checker;
  readonly optionTypes: OptionTypes;
  readonly name: string;
  readonly file: string;
  /** Whether the door gives the type away, and of a class nothing that makes one. */
  readonly isType: boolean;
}

function isTypeOnly({ declarations }: Declared): boolean {
  const node = declarations[0]?.resolve();
  if (node === undefined || !isExportSpecifier(node)) return false;
  const statement = node.parent.parent;
  return node.isTypeOnly || (isExportDeclaration(statement) && statement.isTypeOnly);
}

function readEntry(reading: Reading, symbol: Declared): Entry {
  const { checker, name, optionTypes } = reading;
  const kind = kindOf(reading, symbol);
  const members = membersOf(reading, symbol);
  const comment = docComment(checker, symbol);
  return {
    name,
    kind,
    description: comment.description,
    parameters: parametersOf(comment),
    declarations: symbol.declarations
      .flatMap((declaration) => declaration.resolve() ?? [])
      .map(declarationText),
    members: members.map((member) => readMember(checker, member)),
    takes: [...new Set([optionTypes.keyOf(symbol), ...takes(reading, symbol, members)])].toSorted(),
  };
}

function kindOf(reading: Reading, symbol: Declared): EntryKind {
  const { flags } = symbol;
  if ((flags & SymbolFlags.Function) !== 0) return "function";
  if ((flags & SymbolFlags.Class) !== 0) return reading.isType ? "interface" : "class";
  if ((flags & SymbolFlags.Interface) === 0)
    return (flags & SymbolFlags.Variable) !== 0 ? "constant" : "type";
  const hasMethods = membersOf(reading, symbol).some((member) => (member.flags & SymbolFlags.Method) !== 0);
  return hasMethods ? "interface" : "type";
}

/** What is public of a class or an interface, statics first; what it has of others' classes is theirs to describe. */
function membersOf({ checker, isType }: Reading, symbol: Declared): readonly Declared[] {
  if ((symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface)) === 0) return [];
  const hasStatics = !isType && (symbol.flags & SymbolFlags.Class) !== 0;
  const statics = hasStatics ? checker.getTypeOfSymbol(symbol) : undefined;
  const both = [statics, checker.getDeclaredTypeOfSymbol(symbol)].flatMap((type) => type ?? []);
  return both
    .flatMap((type) => checker.getPropertiesOfType(type))
    .filter((member) => isPublic(member) && member.declarations[0]?.path.includes("/src/"));
}

function isPublic({ name, flags }: Declared): boolean {
  return !name.startsWith("__#") && (flags & SymbolFlags.Prototype) === 0;
}

function readMember(checker: Checker, member: Declared): Member {
  const [declaration] = member.declarations.flatMap((handle) => handle.resolve() ?? []);
  const comment = docComment(checker, member);
  return {
    name: member.name,
    declaration: declaration === undefined ? member.name : declarationText(declaration),
    description: comment.description,
    parameters: parametersOf(comment),
  };
}

/** Whether callers may call it, which they may not where it is a private constructor. */
function isCallable({ declaration }: Signature): boolean {
  const node = declaration?.resolve() as { readonly modifiers?: readonly Node[] } | undefined;
  return node?.modifiers?.some(({ kind }) => kind === SyntaxKind.PrivateKeyword) !== true;
}

/** Remembers the options of a function, of a class that is made, and of the methods of both. */
function takes(
  { checker, optionTypes, name, file, isType }: Reading,
  symbol: Declared,
  members: readonly Declared[],
): string[] {
  const root = { name, file, isType: isType || (symbol.flags & SymbolFlags.Value) === 0 };
  const type = root.isType ? undefined : checker.getTypeOfSymbol(symbol);
  const own = root.isType ? name : `typeof ${name}`;
  const functions: Array<readonly [Type | undefined, SignatureKind, string, string]> = [
    [type, SignatureKind.Call, `Parameters<${own}>`, name],
    [type, SignatureKind.Construct, `ConstructorParameters<${own}>`, name],
    ...members.map((member) => {
      const expression = `Parameters<NonNullable<${name}[${JSON.stringify(member.name)}]>>`;
      return [
        checker.getTypeOfSymbol(member),
        SignatureKind.Call,
        expression,
        `${name}.${member.name}`,
      ] as const;
    }),
  ];
  return functions.flatMap(([called, kind, expression, place]) => {
    const signatures = called === undefined ? [] : checker.getSignaturesOfType(called, kind);
    return signatures.filter(isCallable).flatMap((signature) =>
      signature.getParameters().flatMap((parameter, at) =>
        optionTypes.take(parameter, {
          name: place,
          expression: `NonNullable<${expression}[${at}]>`,
          root,
        }),
      ),
    );
  });
}
