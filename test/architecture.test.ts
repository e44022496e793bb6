import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseSources } from "./architecture/parse-sources.ts";
import {
  cycles,
  doorViolations,
  foreignImports,
  homelessFiles,
  longFiles,
  type PackageExports,
  poorNames,
  roomViolations,
  strataViolations,
  undocumentedExports,
} from "./architecture/rules.ts";
import { textViolations } from "./architecture/text-rules.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const read = (path: string) => readFileSync(`${ROOT}${path}`, "utf8");

/** What is tracked or about to be; `safe.directory` because a checkout may belong to another user than the one who tests. */
function trackedFiles(): string[] {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const options = { cwd: ROOT, encoding: "utf8" } as const;
  const deleted = new Set(execFileSync("git", [...SAFE, "ls-files", "-z", "--deleted"], options).split("\0"));
  return execFileSync("git", [...SAFE, ...list], options)
    .split("\0")
    .filter((path) => path !== "" && !deleted.has(path));
}

const SAFE = ["-c", "safe.directory=*"];

const files = trackedFiles();
/** Without generated code, which keeps no rules. */
const typescript = files.filter((path) => path.endsWith(".ts") && !path.endsWith("_pb.ts"));
const sources = typescript.filter((path) => path.startsWith("src/"));
const modules = parseSources(Object.fromEntries(sources.map((path) => [path, read(path)])));
const { exports } = JSON.parse(read("package.json")) as { exports: PackageExports };

describe("src/", () => {
  it("is seen by the rules", () => {
    expect(modules.length).toBeGreaterThan(20);
    expect(modules.flatMap((module) => module.imports).length).toBeGreaterThan(modules.length);
  });

  it("keeps every file in a folder of the strata", () => expect(homelessFiles(modules)).toEqual([]));
  it("imports downwards only", () => expect(strataViolations(modules)).toEqual([]));
  it("imports downwards only among the rooms of a folder", () => expect(roomViolations(modules)).toEqual([]));
  it("has no import cycles, not even of types", () => expect(cycles(modules)).toEqual([]));
  it("imports packages only where they belong", () => expect(foreignImports(modules)).toEqual([]));
  it("has a door for each export of the package", () => expect(doorViolations(modules, exports)).toEqual([]));
  it("documents every export", () => expect(undocumentedExports(modules)).toEqual([]));
  it("has no long files", () => expect(longFiles(modules)).toEqual([]));
});

describe("the repository", () => {
  it("names files for what they hold", () => expect(poorNames(typescript)).toEqual([]));

  it("has no postponed work, machine paths and package hosts", () => {
    expect(files).toContain("package-lock.json");
    const findings = files.flatMap((path) => {
      const text = read(path);
      return text.includes("\0") ? [] : textViolations(path, text, ROOT.replace(/\/$/, ""));
    });
    expect(findings).toEqual([]);
  });
});
