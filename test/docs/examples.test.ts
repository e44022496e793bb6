import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseHostsToml } from "../../src/registry/configuration/hosts-toml.ts";
import { TestRegistry } from "../../src/testing.ts";
import { type CodeBlock, codeBlocks, readDocuments, TOP } from "./support/documents.ts";
import { problemOf } from "./support/example-outcome.ts";
import { serveImages } from "./support/served-images.ts";
import { cliArguments, npmScript, type ShellCommand, shellCommands } from "./support/shell-commands.ts";
import { Workshop } from "./support/workshop.ts";

/**
 * What a fence may say: programs that are run here, files that are read here, and pictures. A block that nobody
 * checks has no other name.
 */
const LANGUAGES = ["ts", "sh", "toml", "text", "mermaid"];

/** npm's own commands in the documents, beside scripts of package.json. */
const NPM_COMMANDS = ["ci"];

const blocks = readDocuments().flatMap(codeBlocks);
const inLanguage = (language: string) =>
  blocks
    .filter((block) => block.language === language)
    .map((block) => [`${block.path}:${block.line}`, block] as const);
const { scripts } = JSON.parse(readFileSync(`${TOP}package.json`, "utf8")) as {
  scripts: Readonly<Record<string, string>>;
};

let registry: TestRegistry;
let workshop: Workshop;

beforeAll(async () => {
  registry = await TestRegistry.start();
  await serveImages(registry);
  workshop = await Workshop.open(registry);
});

afterAll(async () => {
  await workshop[Symbol.asyncDispose]();
  await registry.close();
});

describe("code in the documents", () => {
  it("has a known language", () => {
    const strange = blocks.filter(({ language }) => !LANGUAGES.includes(language));
    expect(strange.map(({ path, line, language }) => `${path}:${line}: ${language}`)).toEqual([]);
    expect(inLanguage("ts").length).toBeGreaterThan(8);
  });

  it("passes the type checker", async () => {
    for (const [, block] of inLanguage("ts")) await workshop.write(block);
    expect(await workshop.typeCheck()).toBe("");
  });

  it.each(inLanguage("ts"))("runs at %s", async (_, block) => {
    expect(problemOf(block, await workshop.run(block))).toBeUndefined();
  });

  it.each(inLanguage("toml"))("is read as hosts.toml at %s", async (_, { path, code }) => {
    expect((await parseHostsToml(code, path)).hosts.length).toBeGreaterThan(0);
  });

  it.each(inLanguage("sh"))("runs in a shell at %s", async (_, block) => {
    for (const command of shellCommands(block))
      expect(await problemOfCommand(block, command)).toBeUndefined();
  });
});

async function problemOfCommand({ path }: CodeBlock, command: ShellCommand): Promise<string | undefined> {
  const where = `${path}:${command.line}`;
  const script = npmScript(command);
  if (script !== undefined) {
    return script in scripts || NPM_COMMANDS.includes(script) ? undefined : `${where}: no script "${script}"`;
  }
  const args = cliArguments(command)?.map((word) => workshop.fillIn(word));
  if (!args) return `${where}: nobody knows how to check "${command.words.join(" ")}"`;
  // What the documents take from Docker Hub is served by the registry of this test.
  const mirrored = args[0] === "pull" ? [...args, "--mirror", `docker.io=${registry.url}`] : args;
  const { status, stdout, stderr } = await workshop.runCli(mirrored);
  return status === 0 ? undefined : `${where}: status ${status}\n${stdout}${stderr}`;
}

/** What is wrong with a program that a document has from line 8 on. */
async function problemWith(code: string, limitMs?: number): Promise<string | undefined> {
  const block = { path: "README.md", line: 7, language: "ts", code };
  return problemOf(block, await workshop.run(block, limitMs));
}

describe("problemOf()", () => {
  it("finds nothing wrong with an example that prints what it shows", async () => {
    expect(
      await problemWith('console.log("a", 1); // a 1\nconsole.log("sha256:00ff"); // sha256:...'),
    ).toBeUndefined();
  });

  it("tells the line of the document at which an example throws", async () => {
    expect(await problemWith('\nthrow new Error("broken example");')).toMatch(
      /^README\.md:7: the example ended with status 1\n.*README\.md\.7\.ts:9\n.*broken example/s,
    );
  });

  it("tells an example that never ends", async () => {
    expect(await problemWith("setInterval(() => {}, 1_000);", 1)).toMatch(
      /^README\.md:7: the example did not end/,
    );
  });

  it("tells the line whose output is not the one shown", async () => {
    expect(await problemWith("\nconsole.log(1); // 2")).toBe('README.md:9: "2" was not printed\n1\n');
  });

  it("wants the lines in the order of the example", async () => {
    const code =
      "for (const n of [2, 1]) console.log(n); // 1\nconst none = () => console.log(2); // 2\nvoid none;";
    expect(await problemWith(code)).toBe('README.md:9: "2" was not printed\n2\n1\n');
  });
});

describe("Workshop.typeCheck()", () => {
  it("tells the line of the document at which a type is wrong", async () => {
    await using own = await Workshop.open(registry);
    await own.write({
      path: "docs/a.md",
      line: 3,
      language: "ts",
      code: 'const n: number = "1";\nconsole.log(n);',
    });
    expect(await own.typeCheck()).toMatch(/^docs--a\.md\.3\.ts\(4,7\): error TS2322/);
  });
});

describe("Workshop.fillIn()", () => {
  it("puts the registry and the workshop in the place of the placeholders", () => {
    const filled = workshop.fillIn(
      '"registry.example/a" "https://registry.example/v2" "/var/lib/engine/images"',
    );
    const disk = `${workshop.directory}/disk/var/lib/engine/images`;
    expect(filled).toBe(`"${registry.host}/a" "${registry.url}/v2" "${disk}"`);
  });
});
