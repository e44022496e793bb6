import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TOP } from "../docs/support/documents.ts";

const CLI = join(TOP, "src", "cli");

/** The file that writes what others give it, the one that draws, and the one that must load in any Node.js. */
const WRITERS: ReadonlySet<string> = new Set(["output.ts", "progress/live-lines.ts", "main.ts"]);

describe("src/cli/output.ts", () => {
  it("is the only way to the terminal", () => {
    const files = readdirSync(CLI, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".ts"),
    );
    const writing = files.filter((path) => /\.write\(|console\./.test(readFileSync(join(CLI, path), "utf8")));
    expect(new Set(writing)).toEqual(WRITERS);
  });
});
