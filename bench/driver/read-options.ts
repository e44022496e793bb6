import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { type Bench, COMMON_OPTIONS } from "./bench.ts";

/** What is read of a bench. */
type Read = Pick<Bench, "options" | "plot">;

/** What was given to a bench. */
type Values = ReturnType<typeof parseArgs<{ options: Bench["options"] & typeof COMMON_OPTIONS }>>["values"];

const NUMBER = /^[1-9]\d{0,14}$/;

/**
 * The options that are given to a bench, before anything is measured: numbers are numbers, and files can be written when it is over. Throws
 * `TypeError` for others.
 */
export function readOptions(bench: Read, given: readonly string[]): Values {
  const options = { ...COMMON_OPTIONS, ...bench.options };
  const { values } = parseArgs({ args: [...given], options });
  for (const [name, value] of Object.entries(values)) {
    const { default: usual = name === "runs" ? "1" : "" } = options[name as keyof typeof options] as {
      readonly default?: string | boolean;
    };
    checkNumber(name, String(value), String(usual));
  }
  const { json, svg } = values;
  if (svg !== undefined && !bench.plot) throw new TypeError("Option '--svg' is of no use: there is no plot");
  for (const path of [json, svg]) if (path !== undefined) checkPlace(path);
  return values;
}

/** What is usually a number is to be one, and several where there are several. */
function checkNumber(name: string, value: string, usual: string): void {
  const wanted = usual.split(",");
  if (!wanted.every((each) => NUMBER.test(each))) return;
  const got = value.split(",");
  if (got.every((each) => NUMBER.test(each)) && (got.length === 1 || wanted.length > 1)) return;
  const what = wanted.length > 1 ? "whole numbers from 1 on, with commas" : "a whole number from 1 on";
  throw new TypeError(`Option '--${name}' is ${what}, got '${value}'`);
}

function checkPlace(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (cause) {
    throw new TypeError(`Cannot write '${path}': ${(cause as Error).message}`, { cause });
  }
}
