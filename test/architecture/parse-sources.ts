import { posix } from "node:path";
import {
  isCallExpression,
  isExportDeclaration,
  isIdentifier,
  isNamedExports,
  isNewExpression,
  isStringLiteral,
  isVariableStatement,
  type Node,
  type SourceFile,
  type Statement,
  SyntaxKind,
} from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";

/** What the rules need to know of one source file. */
export interface SourceModule {
  /** Path from the repository root, such as `src/xfer/job.ts`. */
  readonly path: string;
  /**
   * What the file refers to by `import`, `export ... from`, `import()`, `import("...")` types and
   * `new URL("./...", import.meta.url)`: a path from the repository root for relative ones, else the specifier itself.
   * A reference that is computed at run time appears as `COMPUTED`.
   */
  readonly imports: readonly string[];
  /** Names of declarations that are exported but have no doc comment. */
  readonly undocumented: readonly string[];
  /** Whether the file consists of `export { ... } from` only. */
  readonly reExportsOnly: boolean;
  /** Lines that are neither blank nor comment. */
  readonly codeLines: number;
}

/** Stands for an import whose target only the running program knows. */
export const COMPUTED = "<computed>";

/** Files that the compiler sees; it has no other disk. */
const disk = new Map<string, string>();

let compiler: API | undefined;

/** One compiler process serves all calls and ends with this process. */
function openCompiler(): API {
  compiler ??= new API({
    cwd: "/",
    fs: {
      readFile: (path) => disk.get(path) ?? null,
      fileExists: (path) => disk.has(path),
      directoryExists: () => true,
      getAccessibleEntries: () => ({ files: [], directories: [] }),
      realpath: (path) => path,
    },
  });
  return compiler;
}

let calls = 0;

/** Parses sources, given as text by path from the repository root, with the TypeScript compiler. Throws on syntax errors. */
export function parseSources(sources: Readonly<Record<string, string>>): SourceModule[] {
  const root = `/sources-${++calls}`;
  const configFile = `${root}/tsconfig.json`;
  const compilerOptions = { noLib: true, noResolve: true, types: [] };
  disk.set(configFile, JSON.stringify({ compilerOptions, files: Object.keys(sources) }));
  for (const [path, text] of Object.entries(sources)) disk.set(`${root}/${path}`, text);
  using snapshot = openCompiler().updateSnapshot({ openProjects: [configFile] });
  const program = snapshot.getProject(configFile)?.program;
  return Object.keys(sources).map((path) => {
    const problem = program?.getSyntacticDiagnostics(`${root}/${path}`)[0];
    if (problem !== undefined) throw new Error(`Cannot parse ${path}: ${problem.text}`);
    const file = program?.getSourceFile(`${root}/${path}`);
    if (file === undefined) throw new Error(`Cannot parse ${path}: the compiler does not know it`);
    return describeModule(path, file);
  });
}

function describeModule(path: string, file: SourceFile): SourceModule {
  const statements = [...file.statements];
  return {
    path,
    imports: [...new Set(specifiers(file).map((specifier) => resolve(path, specifier)))],
    undocumented: undocumented(statements),
    reExportsOnly: statements.every(
      (statement) =>
        isExportDeclaration(statement) &&
        statement.moduleSpecifier !== undefined &&
        statement.exportClause !== undefined &&
        isNamedExports(statement.exportClause),
    ),
    codeLines: file.text.split("\n").filter((line) => !/^\s*(?:$|\/\/|\/?\*)/.test(line)).length,
  };
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier;
}

function specifiers(file: SourceFile): string[] {
  const found = file.imports.map(textOf);
  visit(file, (node) => {
    if (isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
      found.push(textOf(node.arguments[0]));
    } else if (isNewExpression(node) && isIdentifier(node.expression) && node.expression.text === "URL") {
      const [target, base] = node.arguments ?? [];
      if (base?.getText(file) === "import.meta.url") found.push(textOf(target));
    }
  });
  return found;
}

function textOf(node: Node | undefined): string {
  return node !== undefined && isStringLiteral(node) ? node.text : COMPUTED;
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  node.forEachChild((child) => {
    visit(child, see);
    return undefined;
  });
}

function undocumented(statements: readonly Statement[]): string[] {
  const listed = new Set(statements.flatMap(locallyExported));
  const documented = new Set<string>();
  const exported = new Set<string>();
  for (const statement of statements) {
    for (const name of declaredNames(statement)) {
      if (listed.has(name) || hasExportKeyword(statement)) exported.add(name);
      if ((statement.jsDoc?.length ?? 0) > 0) documented.add(name);
    }
  }
  return [...exported].filter((name) => !documented.has(name));
}

function locallyExported(statement: Statement): string[] {
  if (!isExportDeclaration(statement) || statement.moduleSpecifier !== undefined) return [];
  if (statement.exportClause === undefined || !isNamedExports(statement.exportClause)) return [];
  return [...statement.exportClause.elements].map((element) => (element.propertyName ?? element.name).text);
}

function hasExportKeyword(statement: Statement): boolean {
  let found = false;
  statement.forEachChild((child) => {
    found ||= child.kind === SyntaxKind.ExportKeyword;
    return undefined;
  });
  return found;
}

function declaredNames(statement: Statement): string[] {
  if (isVariableStatement(statement)) {
    return [...statement.declarationList.declarations].map((declaration) => declaration.name.getText());
  }
  const name: unknown = "name" in statement ? statement.name : undefined;
  return typeof name === "object" && name !== null && "text" in name ? [String(name.text)] : [];
}
