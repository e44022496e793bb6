import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { codeSpans, readDocument, TOP, tableRows } from "./support/documents.ts";
import { runNode } from "./support/run-program.ts";

/** How long the command line may take to show its help, in milliseconds. */
const HELP_LIMIT_MS = 20_000;

const readme = readDocument("README.md");

/** Long options that the documents name in code marks. */
const namedOptions = new Set(
  codeSpans(readme).flatMap(({ text }) =>
    Array.from(text.matchAll(/(?<![\w-])--[a-z0-9-]+/g), ([option]) => option),
  ),
);

/** `images`, `tag SRC DST` -> images, tag; `content ls|get` -> content ls, content get. */
const commands = tableRows(readme, "command").flatMap(({ cells: [cell = ""] }) =>
  cell.split(", ").flatMap((named) => {
    const [first = "", second = ""] = named.split(" ");
    return second.includes("\\|") ? second.split("\\|").map((one) => [first, one]) : [[first]];
  }),
);

/** How many processes show their help at the same time. */
const HELPERS = 2;

/** All that is asked for, by command: one process each. */
const helps = new Map<string, string>();

beforeAll(async () => {
  const wanted = [[], ...commands];
  const work = async (): Promise<void> => {
    for (let command = wanted.shift(); command; command = wanted.shift()) {
      helps.set(command.join(" "), await showHelp(command));
    }
  };
  await Promise.all(Array.from({ length: HELPERS }, work));
}, 10 * HELP_LIMIT_MS);

const help = (command: readonly string[]): string => helps.get(command.join(" ")) ?? "";

/** The help of a command. */
async function showHelp(command: readonly string[]): Promise<string> {
  const main = join(TOP, "src", "cli", "main.ts");
  const { PATH = "" } = process.env;
  const options = { cwd: tmpdir(), env: { PATH, HOME: tmpdir() }, limitMs: HELP_LIMIT_MS };
  const { status, stdout, stderr } = await runNode([main, ...command, "--help"], options);
  if (status !== 0) throw new Error(`drayage ${command.join(" ")} --help: status ${status}\n${stderr}`);
  return stdout;
}

const optionsIn = (text: string) =>
  Array.from(text.matchAll(/^ +(?:-\w, )?(--[a-z0-9-]+)/gm), ([, option]) => option);

describe("README.md", () => {
  it("names every command", () => {
    const listed = Array.from(help([]).matchAll(/^ {2}([a-z][\w-]*) .*/gm), ([, name]) => name);
    const named = new Set(commands.map(([name]) => name));
    expect(named.size).toBeGreaterThan(4);
    expect(new Set(listed.filter((name) => name !== "help"))).toEqual(named);
  });

  it.each(commands.map((command) => [command.join(" "), command] as const))(
    "shows how to use %s",
    (_, command) => {
      expect(help(command)).toContain(`Usage: drayage ${command.join(" ")}`);
    },
  );

  it("names the options of every command, and no others", () => {
    const texts = commands.map(help);
    const all = new Set(
      texts.flatMap(optionsIn).filter((option) => option !== "--help" && option !== "--version"),
    );
    const unnamed = new Set(["--quiet"]); // named by its short form
    expect([...all].filter((option = "") => !namedOptions.has(option) && !unnamed.has(option))).toEqual([]);
    expect([...namedOptions].filter((option) => !all.has(option))).toEqual([]);
  });
});
