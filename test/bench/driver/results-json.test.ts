import { expect, it } from "vitest";
import { resultsJson } from "../../../bench/driver/results-json.ts";

it("resultsJson() has every sample, the spread of each figure, who was missing and what became of the claims", () => {
  const samples = [{ wallSeconds: 1 }, { wallSeconds: 3 }];
  const json = resultsJson(
    {
      bench: "download",
      title: "a title",
      missing: ["crane"],
      cases: [{ name: "one", at: 8, contestants: [{ name: "ours", samples }] }],
      verdicts: [{ claim: "fast", got: "nobody", holds: undefined }],
    },
    new Date(0),
  );
  expect(JSON.parse(JSON.stringify(json))).toEqual({
    bench: "download",
    title: "a title",
    at: "1970-01-01T00:00:00.000Z",
    machine: {
      node: process.version,
      cpu: expect.any(String),
      cpus: expect.any(Number),
      memoryBytes: expect.any(Number),
    },
    missing: ["crane"],
    cases: [
      {
        name: "one",
        at: 8,
        contestants: [{ name: "ours", figures: { wallSeconds: { median: 2, min: 1, max: 3 } }, samples }],
      },
    ],
    claims: [{ claim: "fast", got: "nobody", holds: null }],
  });
});
