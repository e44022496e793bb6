import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readOptions } from "../../../bench/driver/read-options.ts";

const BENCH = {
  options: {
    layers: { type: "string", default: "8" },
    at: { type: "string", default: "1,2,4" },
    work: { type: "string", default: tmpdir() },
  },
} as const;

it("readOptions() gives what is given, and what is usual", () => {
  const json = join(tmpdir(), "results.json");
  const given = ["--runs", "3", "--at", "2,8", "--json", json, "--only", "a", "--only", "b"];
  expect(readOptions(BENCH, given)).toMatchObject({
    runs: "3",
    layers: "8",
    at: "2,8",
    json,
    only: ["a", "b"],
  });
});

it.each<[readonly string[], string]>([
  [["--runs", "0"], "'--runs' is a whole number from 1 on, got '0'"],
  [["--runs", "many"], "'--runs' is a whole number from 1 on, got 'many'"],
  [["--layers", "4,8"], "'--layers' is a whole number from 1 on, got '4,8'"],
  [["--layers", "1.5"], "got '1.5'"],
  [["--at", "1,,2"], "'--at' is whole numbers from 1 on, with commas, got '1,,2'"],
  [["--nope"], "Unknown option '--nope'"],
  [["--json", join(tmpdir(), "no such directory", "x.json")], "Cannot write"],
  [["--svg", join(tmpdir(), "x.svg")], "there is no plot"],
])("readOptions() refuses %j before anything is measured", (given, words) => {
  expect(() => readOptions(BENCH, given)).toThrow(words);
});
