import { describe, expect, it } from "vitest";
import type { Endpoint } from "../../src/registry/endpoints/endpoint.ts";
import { type SourceParts, sourceKey } from "../../src/remotes/source.ts";

const ENDPOINT: Endpoint = {
  baseUrl: "https://yard.example/v2",
  mirror: false,
  capabilities: ["pull"],
  credentialHost: "yard.example",
};
const PARTS: SourceParts = {
  endpoint: ENDPOINT,
  repository: "yard.example/team/app",
  credentials: { username: "gantry", password: "hunter2" },
  metaHeaders: { "X-Meta-A": "1", "X-Meta-B": "2" },
};

describe("sourceKey()", () => {
  it("is the same for the same parts, in whatever order they are listed", () => {
    const same = {
      ...PARTS,
      credentials: { password: "hunter2", username: "gantry" },
      metaHeaders: { "X-Meta-B": "2", "X-Meta-A": "1" },
    };
    expect(sourceKey(same)).toBe(sourceKey(PARTS));
  });

  it.each<[string, Partial<SourceParts>]>([
    ["another origin", { endpoint: { ...ENDPOINT, baseUrl: "http://yard.example/v2" } }],
    ["another path of the same origin", { endpoint: { ...ENDPOINT, baseUrl: "https://yard.example/b/v2" } }],
    ["another client certificate", { endpoint: { ...ENDPOINT, tls: { cert: "PEM" } } }],
    ["another repository", { repository: "yard.example/team/other" }],
    ["other credentials", { credentials: { username: "gantry", password: "other" } }],
    ["no credentials", { credentials: undefined }],
    ["other headers", { metaHeaders: { "X-Meta-A": "1" } }],
  ])("differs for %s", (_, other) => {
    expect(sourceKey({ ...PARTS, ...other })).not.toBe(sourceKey(PARTS));
  });

  it("does not tell the secrets that went into it", () => {
    expect(sourceKey(PARTS)).not.toMatch(/gantry|hunter2/);
  });
});
