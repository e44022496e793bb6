import { isInterfaceDeclaration, type Node, SyntaxKind } from "typescript/unstable/ast";
import {
  type Checker,
  type Symbol as Declared,
  SignatureKind,
  SymbolFlags,
  type Type,
  TypeFlags,
} from "typescript/unstable/sync";
import type { Inside, Option, OptionType } from "./api.ts";
import { docComment, oneParagraph } from "./doc-comment.ts";
import { unitOfName } from "./units.ts";

/** Where an option type was met. */
interface Met {
  /** Name for a type that has none. */
  readonly name: string;
  /** TypeScript for a type that has no name, and what it needs. */
  readonly expression: string;
  readonly root: OptionType["root"];
  /** Of the parameter or the option. */
  readonly label: string;
  readonly inside?: Inside | undefined;
}

/** The option types that are met while the doors are read. */
export class OptionTypes {
  readonly #checker: Checker;
  readonly #top: string;
  /** By file and name: two files may have the same name. */
  readonly #found = new Map<string, { type: OptionType; inside: Inside[]; isTaken: boolean }>();

  /** @param top the top of the repository, where places begin */
  constructor(checker: Checker, top: string) {
    this.#checker = checker;
    this.#top = top;
  }

  /** All that were met, with what is inside of them, by name. */
  all(): readonly OptionType[] {
    return [...this.#found.values()]
      .map(({ type, inside, isTaken }) => ({ ...type, inside, isTaken }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** What an option type is called here that has a name in the sources. */
  keyOf(symbol: Declared): string {
    return `${this.#fileOf(symbol)} ${symbol.name}`;
  }

  /** Looks at a parameter of a function that is public. Returns the keys of the option types that it may be. */
  take(parameter: Declared, met: Omit<Met, "label" | "inside">): readonly string[] {
    const type = this.#checker.getTypeOfSymbol(parameter);
    if (type === undefined) return [];
    return this.#visit(type, { ...met, label: parameter.name });
  }

  #visit(type: Type, met: Met): readonly string[] {
    if (type.isUnionType()) return type.getTypes().flatMap((part) => this.#visit(part, met));
    if (met.inside && this.#checker.isArrayType(type) && type.isTypeReference()) {
      const inside = { ...met.inside, as: "list" as const };
      const expression = `${met.expression}[number]`;
      return this.#checker
        .getTypeArguments(type)
        .flatMap((element) => this.#visit(element, { ...met, expression, inside }));
    }
    if (met.inside && this.#checker.getPropertiesOfType(type).length === 0)
      return this.#visitRecord(type, met);
    return this.#isOptions(type, met) ? [this.#remember(type, met)] : [];
  }

  #visitRecord(type: Type, met: Met): readonly string[] {
    if (!type.isObjectType() || met.inside === undefined) return [];
    const inside = { ...met.inside, as: "record" as const };
    const expression = `${met.expression}[string]`;
    return this.#checker
      .getIndexInfosOfType(type)
      .flatMap(({ valueType }) => this.#visit(valueType, { ...met, expression, inside }));
  }

  /** Told from things that do something, and from the data of the specifications, by how it is named and declared. */
  #isOptions(type: Type, { label, inside }: Met): boolean {
    if (!type.isObjectType() && !type.isIntersectionType()) return false;
    const properties = this.#checker.getPropertiesOfType(type);
    if (properties.length === 0 || !properties.every((property) => this.#isOurs(property))) return false;
    if (properties.some(({ flags }) => (flags & (SymbolFlags.Method | SymbolFlags.Accessor)) !== 0))
      return false;
    if (this.#checker.getSignaturesOfType(type, SignatureKind.Call).length > 0) return false;
    const name = this.#nameOf(type);
    if (name?.endsWith("Options") === true || label === "options") return true;
    if (name === undefined && inside !== undefined) return true;
    return properties.every(({ flags }) => (flags & SymbolFlags.Optional) !== 0);
  }

  #remember(type: Type, met: Met): string {
    const declared = this.#declarationOf(type);
    const name = declared?.name ?? met.name;
    const key = declared ? this.keyOf(declared) : name;
    const known = this.#found.get(key);
    if (known !== undefined) {
      if (met.inside === undefined) known.isTaken = true;
      else known.inside.push(met.inside);
      return key;
    }
    const canBeNamed = declared !== undefined && isExported(declared);
    const root = canBeNamed ? { name, file: this.#fileOf(declared), isType: true } : met.root;
    const expression = canBeNamed ? name : met.expression;
    const described = declared ? docComment(this.#checker, declared).description : "";
    const properties = this.#checker
      .getPropertiesOfType(type)
      .filter((property) => !this.#isHidden(property));
    const options = properties.map((property) => this.#option(property, name));
    const found: OptionType = {
      key,
      name,
      expression,
      root,
      description: described,
      options,
      inside: [],
      isTaken: false,
    };
    const inside = met.inside ? [met.inside] : [];
    this.#found.set(key, { type: found, inside, isTaken: met.inside === undefined });
    for (const property of properties) {
      const value = this.#checker.getTypeOfSymbol(property);
      if (value === undefined) continue;
      const option = property.name;
      this.#visit(value, {
        name: `${name}.${option}`,
        expression: `NonNullable<${expression}[${JSON.stringify(option)}]>`,
        root,
        label: option,
        inside: { type: key, option, as: "object" },
      });
    }
    return key;
  }

  #option(property: Declared, type: string): Option {
    const { description, tags } = docComment(this.#checker, property);
    const value = this.#checker.getTypeOfSymbol(property);
    const node = property.declarations[0]?.resolve();
    const isNumber = value !== undefined && this.#isNumber(value);
    return {
      name: property.name,
      owner: node === undefined ? type : (ownerOf(node) ?? type),
      type: node === undefined ? "" : declaredType(node),
      isRequired: (property.flags & SymbolFlags.Optional) === 0,
      isNumber,
      description,
      unit: tags.get("unit")?.[0] ?? (isNumber ? unitOfName(property.name) : undefined),
      defaultValue: tags.get("defaultValue")?.[0],
      avoid: tags.get("avoid")?.[0],
      examples: tags.get("example") ?? [],
      place: this.#fileOf(property),
    };
  }

  /** Whether it is for the engine alone: what it takes cannot be had from any door. */
  #isHidden(property: Declared): boolean {
    return docComment(this.#checker, property).tags.has("hidden");
  }

  #isNumber(type: Type): boolean {
    if (type.isUnionType()) return type.getTypes().some((part) => this.#isNumber(part));
    if (this.#checker.isArrayType(type) && type.isTypeReference())
      return this.#checker.getTypeArguments(type).some((element) => this.#isNumber(element));
    if ((type.flags & TypeFlags.Number) !== 0) return true;
    return (
      type.isObjectType() &&
      this.#checker.getPropertiesOfType(type).length === 0 &&
      this.#checker.getIndexInfosOfType(type).some(({ valueType }) => this.#isNumber(valueType))
    );
  }

  #nameOf(type: Type): string | undefined {
    return this.#declarationOf(type)?.name;
  }

  /** What names the type: an alias, an interface, or what a `Partial` of it was made of. */
  #declarationOf(type: Type): Declared | undefined {
    const alias = type.getAliasSymbol();
    if (alias && this.#isOurs(alias)) return alias;
    const symbol = type.getSymbol();
    if (symbol && this.#isOurs(symbol) && !symbol.name.startsWith("__")) return symbol;
    if (alias?.name !== "Partial") return undefined;
    const [made] = type.getAliasTypeArguments();
    return made && this.#declarationOf(made);
  }

  #isOurs(symbol: Declared): boolean {
    return this.#fileOf(symbol).startsWith("src/");
  }

  #fileOf(symbol: Declared): string {
    return symbol.declarations[0]?.path.replace(`${this.#top}/`, "") ?? "";
  }
}

/** The name of the interface that declares a property; literals have none. */
function ownerOf({ parent }: Node): string | undefined {
  return isInterfaceDeclaration(parent) ? parent.name.text : undefined;
}

function isExported(symbol: Declared): boolean {
  const node = symbol.declarations[0]?.resolve() as { readonly modifiers?: readonly Node[] } | undefined;
  return node?.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) === true;
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "");
}

/** The text behind the colon; that a value may be `undefined` is the same for all options. */
function declaredType(node: Node): string {
  const type: unknown = "type" in node ? node.type : undefined;
  const text = type === undefined ? "" : (type as Node).getText();
  return oneParagraph(withoutComments(text).replace(/^\| | \| undefined$/g, ""));
}
