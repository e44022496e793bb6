import { describe, expect, it } from "vitest";
import { parseSources } from "./parse-sources.ts";
import {
  cycles,
  doorViolations,
  foreignImports,
  homelessFiles,
  longFiles,
  poorNames,
  roomViolations,
  strataViolations,
  undocumentedExports,
} from "./rules.ts";

/** Modules that import what is listed, by path. */
function importing(graph: Readonly<Record<string, readonly string[]>>) {
  const entries = Object.entries(graph).map(([path, targets]) => {
    const up = "../".repeat(path.split("/").length - 1);
    const lines = targets.map((target) =>
      target.startsWith("src/") ? `import type {} from "${up}${target}";` : `import "${target}";`,
    );
    return [path, lines.join("\n")];
  });
  return parseSources(Object.fromEntries(entries) as Record<string, string>);
}

const key = (name: string) => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });

describe("strataViolations()", () => {
  it.each([
    ["src/async/a.ts", "src/errors/b.ts"],
    ["src/reference/a.ts", "src/digest/b.ts"],
    ["src/xfer/a.ts", "src/progress/b.ts"],
    ["src/xfer/a.ts", "src/xfer/b.ts"],
    ["src/remotes/a.ts", "src/images/b.ts"],
    ["src/remotes/a.ts", "src/registry/b.ts"],
    ["src/distribution/a.ts", "src/remotes/b.ts"],
    ["src/cli/a.ts", "src/registry.ts"],
    ["src/cli/a.ts", "src/cli/b.ts"],
    ["src/testing/a.ts", "src/oci/b.ts"],
    ["src/testing/a.ts", "src/errors.ts"],
    ["src/index.ts", "src/distribution/b.ts"],
    ["src/testing.ts", "src/testing/b.ts"],
  ])("lets %s import %s", (from, to) => {
    expect(strataViolations(importing({ [from]: [to] }))).toEqual([]);
  });

  it.each([
    ["src/errors/a.ts", "src/digest/b.ts"],
    ["src/digest/a.ts", "src/content/b.ts"],
    ["src/content/a.ts", "src/images/b.ts"],
    ["src/xfer/a.ts", "src/content/b.ts"],
    ["src/content/a.ts", "src/registry/b.ts"],
    ["src/registry/a.ts", "src/content/b.ts"],
    ["src/content/a.ts", "src/xfer/b.ts"],
    ["src/images/a.ts", "src/distribution/b.ts"],
    ["src/distribution/a.ts", "src/cli/b.ts"],
    ["src/distribution/a.ts", "src/content.ts"],
    ["src/distribution/a.ts", "src/testing/b.ts"],
    ["src/cli/a.ts", "src/registry/b.ts"],
    ["src/testing/a.ts", "src/registry/b.ts"],
    ["src/testing/a.ts", "src/registry.ts"],
    ["src/index.ts", "src/errors.ts"],
    ["src/index.ts", "src/cli/b.ts"],
  ])("does not let %s import %s", (from, to) => {
    expect(strataViolations(importing({ [from]: [to] }))).toEqual([`${from} must not import ${to}`]);
  });
});

describe("roomViolations()", () => {
  it.each([
    ["src/registry/http/a.ts", "src/registry/http/b.ts"],
    ["src/registry/endpoints/a.ts", "src/registry/http/b.ts"],
    ["src/registry/credentials/a.ts", "src/registry/endpoints/b.ts"],
    ["src/registry/auth/a.ts", "src/registry/credentials/b.ts"],
    ["src/registry/endpoint-send.ts", "src/registry/auth/b.ts"],
    ["src/registry/repository/a.ts", "src/registry/answers/b.ts"],
    ["src/registry/pull/a.ts", "src/registry/repository/b.ts"],
    ["src/registry/push/a.ts", "src/registry/pull/b.ts"],
    ["src/registry/http/a.ts", "src/errors/b.ts"],
    ["src/remotes/a.ts", "src/registry/push/b.ts"],
  ])("lets %s import %s", (from, to) => {
    expect(roomViolations(importing({ [from]: [to] }))).toEqual([]);
  });

  it.each([
    ["src/registry/http/a.ts", "src/registry/endpoints/b.ts"],
    ["src/registry/endpoints/a.ts", "src/registry/credentials/b.ts"],
    ["src/registry/credentials/a.ts", "src/registry/auth/b.ts"],
    ["src/registry/transport/a.ts", "src/registry/answers/b.ts"],
    ["src/registry/answers/a.ts", "src/registry/auth/b.ts"],
    ["src/registry/auth/a.ts", "src/registry/transport/b.ts"],
    ["src/registry/repository/a.ts", "src/registry/endpoint-send.ts"],
    ["src/registry/endpoint-send.ts", "src/registry/repository/b.ts"],
    ["src/registry/repository/a.ts", "src/registry/pull/b.ts"],
    ["src/registry/pull/a.ts", "src/registry/push/b.ts"],
  ])("does not let %s import %s", (from, to) => {
    expect(roomViolations(importing({ [from]: [to] }))).toEqual([`${from} must not import ${to}`]);
  });
});

describe("homelessFiles()", () => {
  it("tells files in folders that have no stratum", () => {
    const modules = importing({
      "src/errors/a.ts": [],
      "src/errors.ts": [],
      "src/cli/a.ts": [],
      "src/net/a.ts": [],
    });
    expect(homelessFiles(modules)).toEqual(["src/net/a.ts"]);
  });

  it("tells files of src/registry that lie in no room", () => {
    const modules = importing({
      "src/registry/http/a.ts": [],
      "src/registry/endpoint-send.ts": [],
      "src/registry/a.ts": [],
      "src/registry/v3/a.ts": [],
    });
    expect(homelessFiles(modules)).toEqual(["src/registry/a.ts", "src/registry/v3/a.ts"]);
  });
});

describe("foreignImports()", () => {
  it("lets a folder import node and the packages it owns", () => {
    const modules = importing({
      "src/registry/transport/a.ts": ["undici", "node:fs"],
      "src/xfer/a.ts": ["p-queue"],
      "src/images/a.ts": ["eventemitter3"],
      "src/distribution/a.ts": ["eventemitter3"],
      "src/cli/a.ts": ["commander", "pino"],
      "src/content/grpc/a.ts": ["@bufbuild/protobuf", "@bufbuild/protobuf/wkt"],
    });
    expect(foreignImports(modules)).toEqual([]);
  });

  it.each([
    ["src/content/a.ts", "undici"],
    ["src/content/a.ts", "@bufbuild/protobuf"],
    ["src/registry/endpoint-send.ts", "undici"],
    ["src/registry/http/a.ts", "undici"],
    ["src/registry/a.ts", "p-queue"],
    ["src/testing/a.ts", "undici"],
    ["src/registry/a.ts", "undici-types/client"],
    ["src/registry/a.ts", "@types/undici"],
    ["src/registry/a.ts", "fs"],
  ])("does not let %s import %s", (from, to) => {
    expect(foreignImports(importing({ [from]: [to] }))).toEqual([`${from} must not import ${to}`]);
  });

  it("lets the command line read the version and nobody else", () => {
    const text = 'new URL("../../package.json", import.meta.url);';
    const modules = parseSources({ "src/cli/a.ts": text, "src/xfer/b.ts": text });
    expect(foreignImports(modules)).toEqual(["src/xfer/b.ts must not import package.json"]);
  });

  it("does not let an import leave src/ or stay unknown until run time", () => {
    const modules = parseSources({
      "src/xfer/a.ts": 'import "../../test/support/b.ts";',
      "src/xfer/b.ts": "await import(name);",
    });
    expect(foreignImports(modules)).toEqual([
      "src/xfer/a.ts must not import test/support/b.ts",
      "src/xfer/b.ts must not import <computed>",
    ]);
  });
});

describe("cycles()", () => {
  it("finds nothing in a diamond", () => {
    const modules = importing({
      "src/oci/a.ts": ["src/oci/b.ts", "src/oci/c.ts"],
      "src/oci/b.ts": ["src/oci/d.ts"],
      "src/oci/c.ts": ["src/oci/d.ts"],
      "src/oci/d.ts": [],
    });
    expect(cycles(modules)).toEqual([]);
  });

  it("finds a ring of type imports and an import of the file itself", () => {
    const modules = importing({
      "src/oci/a.ts": ["src/oci/b.ts"],
      "src/oci/b.ts": ["src/oci/c.ts"],
      "src/oci/c.ts": ["src/oci/b.ts"],
      "src/oci/d.ts": ["src/oci/d.ts"],
    });
    expect(cycles(modules)).toEqual([
      "src/oci/b.ts -> src/oci/c.ts -> src/oci/b.ts",
      "src/oci/d.ts -> src/oci/d.ts",
    ]);
  });

  it("finds a ring of folders whose files form none", () => {
    const modules = importing({
      "src/images/a.ts": ["src/remotes/b.ts"],
      "src/remotes/b.ts": [],
      "src/remotes/c.ts": ["src/images/d.ts"],
      "src/images/d.ts": [],
    });
    expect(cycles(modules)).toEqual(["images -> remotes -> images"]);
  });
});

describe("doorViolations()", () => {
  const doors = parseSources({
    "src/index.ts": 'export { a } from "./oci/a.ts";',
    "src/xfer.ts": 'export type { B } from "./xfer/b.ts";',
  });

  it("is content with one key per door", () => {
    const exported = { ".": key("index"), "./xfer": key("xfer"), "./package.json": "./package.json" };
    expect(doorViolations(doors, exported)).toEqual([]);
  });

  it("tells doors without key and keys without door", () => {
    expect(doorViolations(doors, { ".": key("index"), "./content": key("content") })).toEqual([
      "src/xfer.ts has no key ./xfer in package.json",
      "package.json key ./content has no door src/content.ts",
    ]);
  });

  it("tells keys that lead elsewhere", () => {
    expect(doorViolations(doors, { ".": key("index"), "./xfer": key("xfer/job") })).toEqual([
      "package.json key ./xfer must lead to ./dist/xfer.js",
    ]);
  });

  it("tells doors that hold code or star exports", () => {
    const crowded = parseSources({ "src/xfer.ts": 'export * from "./xfer/b.ts";' });
    expect(doorViolations(crowded, { "./xfer": key("xfer") })).toEqual([
      "src/xfer.ts must hold named re-exports only",
    ]);
  });
});

describe("undocumentedExports()", () => {
  it("tells file and name", () => {
    const modules = parseSources({ "src/oci/a.ts": "export const b = 1;\n/** Doc. */\nexport const c = 2;" });
    expect(undocumentedExports(modules)).toEqual(["src/oci/a.ts: b has no doc comment"]);
  });
});

describe("longFiles()", () => {
  it("allows 300 lines of code and any number of comments, not 301 lines", () => {
    const modules = parseSources({
      "src/oci/a.ts": `${"// why\n".repeat(50)}${"f();\n".repeat(300)}`,
      "src/oci/b.ts": "f();\n".repeat(301),
    });
    expect(longFiles(modules)).toEqual(["src/oci/b.ts has 301 lines of code, at most 300 wanted"]);
  });
});

describe("poorNames()", () => {
  it("tells names that say nothing and names that are not kebab-case", () => {
    const poor = [
      "src/util.ts",
      "src/helpers/a.ts",
      "test/common.test.ts",
      "src/misc.ts",
      "src/oci/fooBar.ts",
    ];
    const good = [
      "src/oci/media-types.ts",
      "test/oci/media-types.test.ts",
      "vitest.config.ts",
      "src/a/utility.ts",
    ];
    expect(poorNames([...good, ...poor])).toEqual(poor);
  });
});
