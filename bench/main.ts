/** The driver of all benches: `npm run bench` lists them, `npm run bench -- NAME [options]` runs one. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatTable } from "../src/cli/format-table.ts";
import { BENCHES } from "./benches.ts";
import { type Bench, COMMON_OPTIONS } from "./driver/bench.ts";
import { judge } from "./driver/claims.ts";
import { plotSvg } from "./driver/plot-svg.ts";
import { readOptions } from "./driver/read-options.ts";
import { resultsJson } from "./driver/results-json.ts";
import { resultsTable, verdictsTable } from "./driver/results-table.ts";
import { runBench } from "./driver/run-bench.ts";

const [, , name, ...args] = process.argv;
const bench = BENCHES.find((one) => one.name === name);
if (bench) await run(bench, args);
else list(name);

function list(asked: string | undefined): void {
  if (asked !== undefined) {
    console.log(`Cannot run ${JSON.stringify(asked)}: there is no bench of that name\n`);
    process.exitCode = 2;
  }
  console.log("npm run bench -- NAME [options], where NAME is\n");
  process.stdout.write(formatTable(BENCHES.map((one) => [one.name, one.about])));
  console.log(`\nEach has ${optionNames(COMMON_OPTIONS)}; and in addition\n`);
  const own = BENCHES.filter(({ options }) => Object.keys(options).length > 0);
  process.stdout.write(formatTable(own.map((one) => [one.name, optionNames(one.options)])));
}

function optionNames(options: Bench["options"]): string {
  return Object.entries(options)
    .map(([option, { type }]) => `--${option}${type === "string" ? ` ${option.toUpperCase()}` : ""}`)
    .join(", ");
}

async function run(one: Bench, given: string[]): Promise<void> {
  const values = optionsOf(one, given);
  if (!values) return;
  if (!values["no-build"]) build();
  const runs = Number(values.runs ?? one.runs);
  const { cases, missing } = await runBench(one, one.cases(values), {
    runs,
    only: values.only ?? [],
    onSample: (line) => console.error(line),
  });
  for (const absent of missing)
    console.log(`MISSING: ${absent} is not here, or does not answer, and takes no part`);
  if (cases.length === 0) {
    console.error(`Cannot run ${one.name}: nobody who is here has ${values.only?.join(" or ")} in its name`);
    process.exitCode = 2;
    return;
  }
  const title = `${one.title(values)}; medians of ${runs}, Node.js ${process.version}`;
  const verdicts = judge(one.claims, cases);
  process.stdout.write(`\n${title}:\n\n${resultsTable(cases)}`);
  if (verdicts.length > 0) process.stdout.write(`\n${verdictsTable(verdicts)}`);
  if (verdicts.some(({ holds }) => holds === false)) process.exitCode = 1;
  const results = { bench: one.name, title, missing, cases, verdicts };
  if (values.json !== undefined) {
    await writeFile(values.json, `${JSON.stringify(resultsJson(results, new Date()), undefined, 2)}\n`);
  }
  if (values.svg !== undefined && one.plot) await writeFile(values.svg, plotSvg(title, one.plot, cases));
}

function optionsOf(one: Bench, given: readonly string[]) {
  try {
    return readOptions(one, given);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(
      `Cannot run ${one.name}: ${error.message}. It has ${optionNames({ ...COMMON_OPTIONS, ...one.options })}`,
    );
    process.exitCode = 2;
    return undefined;
  }
}

/** What is published is measured, not the sources: those would be stripped of their types at every start. */
function build(): void {
  execFileSync("npm", ["run", "--silent", "build"], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "ignore", "inherit"],
  });
}
