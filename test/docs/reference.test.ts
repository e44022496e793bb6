import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Option } from "../../docs/apidocs/api.ts";
import { readApi } from "../../docs/apidocs/read-api.ts";
import { writePages } from "../../docs/apidocs/write-pages.ts";
import { TOP } from "./support/documents.ts";
import { type ExampleScope, ExampleWorld } from "./support/example-world.ts";
import {
  complaintsAbout,
  EXAMPLE_PROGRAM,
  exampleProgram,
  examplesOf,
  optionKey,
} from "./support/option-examples.ts";
import { problemsOf } from "./support/option-problems.ts";
import { runExamples } from "./support/run-examples.ts";

/** How long all examples together may take, in milliseconds: five seconds, on a busy machine a few times as long. */
const RUN_LIMIT_MS = 120_000;

const api = readApi(TOP.replace(/\/$/, ""));
const options = new Map<string, Option>(
  api.optionTypes.flatMap((type) => type.options.map((option) => [optionKey(option), option] as const)),
);

function refuse(): never {
  throw new Error("refused");
}

describe("options of public functions", () => {
  it("are described, with unit, default and example", () => {
    const problems = [...options].flatMap(([key, option]) =>
      problemsOf(option).map((problem) => `${key}: ${problem}`),
    );
    expect(options.size).toBeGreaterThan(400);
    expect(problems).toEqual([]);
  });

  it("are found wanting when something is missing", () => {
    const whole: Option = {
      name: "limit",
      owner: "ThingOptions",
      type: "number",
      isRequired: false,
      isNumber: true,
      description: "How many things.",
      unit: "things",
      defaultValue: "5",
      avoid: undefined,
      examples: ["limit: 3"],
      place: "src/thing.ts",
    };
    expect(problemsOf(whole)).toEqual([]);
    expect(
      problemsOf({ ...whole, description: "", unit: undefined, defaultValue: undefined, examples: [] }),
    ).toEqual(["no description", "no @unit, and none in the name", "no @defaultValue", "no @example"]);
    expect(problemsOf({ ...whole, isRequired: true })).toEqual(["a @defaultValue, although it is required"]);
  });
});

describe("examples of options", () => {
  const examples = examplesOf(api);
  let world: ExampleWorld;

  beforeAll(async () => {
    world = await ExampleWorld.open();
  });

  afterAll(() => world[Symbol.asyncDispose]());

  it("pass the type checker", () => {
    expect(complaintsAbout(exampleProgram(examples, api), examples)).toEqual([]);
  });

  it("are found wanting when they are of another type, name something else, or fail", async () => {
    const [example] = examples;
    if (example === undefined) throw new Error("no option has an example");
    const wrong = ["signal: 5", "sgnal: undefined", "signal: AbortSignal.none()"].map((text) => ({
      ...example,
      text,
    }));
    expect(complaintsAbout(exampleProgram(wrong, api), wrong)).toHaveLength(3);
    const runner = { makers: [() => Promise.resolve({})], callers: { [example.type.name]: refuse } };
    const { failures } = await runExamples([example], runner);
    expect(failures).toEqual([expect.stringContaining("refused")]);
  });

  it(
    "run",
    async () => {
      const path = TOP + EXAMPLE_PROGRAM.replace(/\.ts$/, `-${process.pid}.ts`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, world.fillIn(exampleProgram(examples, api)));
      try {
        const program = (await import(path)) as {
          readonly examples: (scope: ExampleScope) => ReadonlyArray<() => Promise<object>>;
        };
        const makers = program.examples(world.scope);
        const { failures, uncalled } = await runExamples(examples, { makers, callers: world.callers });
        expect(failures).toEqual([]);
        expect(uncalled).toEqual([]);
      } finally {
        rmSync(path);
      }
    },
    RUN_LIMIT_MS,
  );
});

describe("pages of the reference", () => {
  it("have every name of every door, and every option", () => {
    const pages = writePages(api);
    const missing = api.doors.flatMap(({ page, entries }) =>
      entries
        .filter(({ name }) => pages.get(`${page}.md`)?.includes(`\n### ${name}\n`) !== true)
        .map(({ name }) => `${page}: ${name}`),
    );
    const all = [...pages.values()].join("\n");
    expect(missing).toEqual([]);
    expect([...options.values()].filter(({ name }) => !all.includes(`\n| \`${name}\` |`))).toEqual([]);
  });

  it("lead to headings that are there", () => {
    const pages = writePages(api);
    const broken = [...pages].flatMap(([path, text]) =>
      Array.from(text.matchAll(/\]\(([\w-]+\.md)?(?:#([\w-]+))?\)/g), ([link, file = path, anchor]) => {
        const headings = pages
          .get(file)
          ?.match(/^#+ .+$/gm)
          ?.map((line) =>
            line
              .replace(/^#+ /, "")
              .toLowerCase()
              .replaceAll(/[^\w-]/g, ""),
          );
        return headings === undefined || (anchor !== undefined && !headings.includes(anchor))
          ? [`${path}: ${link}`]
          : [];
      }).flat(),
    );
    expect(broken).toEqual([]);
  });
});
