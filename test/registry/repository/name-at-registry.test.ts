import { describe, expect, it } from "vitest";
import { nameAtRegistry } from "../../../src/registry/repository/name-at-registry.ts";

describe("nameAtRegistry()", () => {
  it.each([
    ["https://registry.test/v2", "team/app"],
    ["https://registry.test/us/v2", "team/app"],
    ["https://artifactory.test/artifactory/api/docker/house/v2", "team/app"],
    ["https://harbor.test/v2/hub", "hub/team/app"],
    ["https://harbor.test/v2/hub/eu", "hub/eu/team/app"],
    ["https://proxy.test/harbor/v2/hub", "hub/team/app"],
    ["https://rewriting.test", "team/app"],
    ["https://rewriting.test/v2x/hub", "team/app"],
  ])("has below %s the name %s", (baseUrl, name) => {
    expect(nameAtRegistry({ baseUrl }, "team/app")).toBe(name);
  });
});
