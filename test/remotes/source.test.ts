import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../src/registry/endpoints/endpoint.ts";
import { type SourceParts, sourceKey } from "../../src/remotes/source.ts";

const ENDPOINT: Endpoint = {
  baseUrl: "https://yard.example/v2",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "yard.example",
};
const PARTS: SourceParts = { endpoint: ENDPOINT, repository: "yard.example/team/app", identity: "1" };

describe("sourceKey()", () => {
  it("is the same for the same parts", () => {
    expect(sourceKey({ ...PARTS, endpoint: { ...ENDPOINT } })).toBe(sourceKey(PARTS));
  });

  it.each<[string, Partial<SourceParts>]>([
    ["another origin", { endpoint: { ...ENDPOINT, baseUrl: "http://yard.example/v2" } }],
    ["another repository", { repository: "yard.example/team/other" }],
    ["another identity", { identity: "2" }],
  ])("differs for %s", (_, other) => {
    expect(sourceKey({ ...PARTS, ...other })).not.toBe(sourceKey(PARTS));
  });
});
