import { describe, expect, it } from "vitest";
import { COMPUTED, parseSources, type SourceModule } from "./parse-sources.ts";

function parse(text: string): SourceModule {
  const [module] = parseSources({ "src/a/b.ts": text });
  if (module === undefined) throw new Error("parseSources returned nothing");
  return module;
}

describe("parseSources()", () => {
  it.each([
    ["a value import", 'import { x } from "./c.ts";', "src/a/c.ts"],
    ["an import for its effect", 'import "../c.ts";', "src/c.ts"],
    ["a type import", 'import type { X } from "../d/c.ts";', "src/d/c.ts"],
    ["an inline type import", 'import { type X } from "../d/c.ts";', "src/d/c.ts"],
    ["a namespace import", 'import * as x from "undici";', "undici"],
    ["an export from", 'export { x } from "./c.ts";', "src/a/c.ts"],
    ["a type export from", 'export type { X } from "./c.ts";', "src/a/c.ts"],
    ["a star export", 'export * from "./c.ts";', "src/a/c.ts"],
    ["an import in a type position", 'let x: import("./c.ts").X;', "src/a/c.ts"],
    ["a typeof import", 'let x: typeof import("pino");', "pino"],
    ["a dynamic import", 'const x = await import("node:fs");', "node:fs"],
    ["a dynamic import within a template", `const x = \`\${await import("./c.ts")}\`;`, "src/a/c.ts"],
    ["a worker's file", 'new Worker(new URL("./c.ts", import.meta.url));', "src/a/c.ts"],
    ["a dynamic import of a variable", "const x = await import(name);", COMPUTED],
    ["a worker's file from a variable", "new URL(name, import.meta.url);", COMPUTED],
  ])("sees %s", (_name, text, target) => {
    expect(parse(text).imports).toEqual([target]);
  });

  it.each([
    ["a comment", '// import "./c.ts";'],
    ["a string", "const x = 'import \"./c.ts\"';"],
    ["a regular expression", 'const x = /import "c"/;'],
    ["a template", 'const x = `import "./c.ts"`;'],
    ["another base of a URL", 'new URL("./c.ts", base);'],
  ])("sees no import in %s", (_name, text) => {
    expect(parse(text).imports).toEqual([]);
  });

  it.each([
    ["function f() {}", "f"],
    ["class C {}", "C"],
    ["interface I {}", "I"],
    ["type T = 1;", "T"],
    ["const c = 1;", "c"],
  ])("asks for a doc comment before `export %s`", (declaration, name) => {
    expect(parse(`export ${declaration}`).undocumented).toEqual([name]);
    expect(parse(`// no doc comment\nexport ${declaration}`).undocumented).toEqual([name]);
    expect(parse(`/** Doc. */\nexport ${declaration}`).undocumented).toEqual([]);
    expect(parse(declaration).undocumented).toEqual([]);
  });

  it("asks for a doc comment when the export is listed apart from the declaration", () => {
    expect(parse("const c = 1;\nexport { c };").undocumented).toEqual(["c"]);
    expect(parse("const c = 1;\nexport { c as d };").undocumented).toEqual(["c"]);
    expect(parse("/** Doc. */\nconst c = 1;\nexport { c };").undocumented).toEqual([]);
  });

  it("takes one doc comment for all overloads", () => {
    const text = "/** Doc. */\nexport function f(x: 1): 1;\nexport function f(x: number) { return x; }";
    expect(parse(text).undocumented).toEqual([]);
  });

  it("tells named re-exports from everything else", () => {
    expect(parse('export { a } from "./c.ts";\nexport type { B } from "./d.ts";').reExportsOnly).toBe(true);
    expect(parse('export * from "./c.ts";').reExportsOnly).toBe(false);
    expect(parse('export * as c from "./c.ts";').reExportsOnly).toBe(false);
    expect(parse("export const x = 1;").reExportsOnly).toBe(false);
    expect(parse('import { a } from "./c.ts";\nexport { a };').reExportsOnly).toBe(false);
  });

  it("counts lines of code without blank lines and comments", () => {
    expect(parse("/**\n * Doc.\n */\nconst a = 1;\n\n// why\nconst b = 2; // and how\n").codeLines).toBe(2);
  });

  it("throws on a syntax error", () => {
    expect(() => parse("const = ;")).toThrow("Cannot parse src/a/b.ts");
  });
});
