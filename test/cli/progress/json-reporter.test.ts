import { expect, it } from "vitest";
import { jsonReporter } from "../../../src/cli/progress/json-reporter.ts";
import { message, update } from "../../../src/progress/progress.ts";

it("jsonReporter() writes docker's messages", () => {
  let text = "";
  const reporter = jsonReporter({
    write(chunk) {
      text += String(chunk);
      return true;
    },
  });
  reporter.report(message("v1", "Pulling from team/app"));
  reporter.report(update("25621b53819a", "Pulling fs layer", 0, 0));
  reporter.report(update("25621b53819a", "Downloading", 36_445, 1_500_632));
  reporter.report({ ...update("25621b53819a", "Extracting", 0, 1_500_632), entries: 0 });
  reporter.report(update("25621b53819a", "Pull complete", 0, 0));
  reporter.report(message("", "Digest: sha256:5717"));
  reporter.facts({ Tag: "v1", Digest: "sha256:5717", Size: 528 });
  reporter.fail("boom");
  const bar = `[=>${" ".repeat(49)}]  36.45kB/1.501MB`;
  const start = `[>${" ".repeat(50)}]       0B/1.501MB`;
  expect(text.split("\r\n")).toEqual([
    '{"status":"Pulling from team/app","id":"v1"}',
    '{"status":"Pulling fs layer","progressDetail":{},"id":"25621b53819a"}',
    `{"status":"Downloading","progressDetail":{"current":36445,"total":1500632},"progress":"${bar}","id":"25621b53819a"}`,
    `{"status":"Extracting","progressDetail":{"total":1500632,"entries":0},"progress":"${start}","id":"25621b53819a"}`,
    '{"status":"Pull complete","progressDetail":{},"id":"25621b53819a"}',
    '{"status":"Digest: sha256:5717"}',
    '{"progressDetail":{},"aux":{"Tag":"v1","Digest":"sha256:5717","Size":528}}',
    '{"errorDetail":{"message":"boom"},"error":"boom"}',
    "",
  ]);
});
