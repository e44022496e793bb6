import { describe, expect, it } from "vitest";
import { nameAtRegistry, rootAddress } from "../../../src/registry/endpoints/api-root.ts";

describe("an endpoint's address", () => {
  it.each([
    ["https://registry.test/v2", "https://registry.test/v2/", "team/app"],
    ["https://registry.test/us/v2", "https://registry.test/us/v2/", "team/app"],
    ["https://artifactory.test/docker/house/v2", "https://artifactory.test/docker/house/v2/", "team/app"],
    ["https://harbor.test/v2/hub", "https://harbor.test/v2/", "hub/team/app"],
    ["https://harbor.test/v2/hub/eu", "https://harbor.test/v2/", "hub/eu/team/app"],
    ["https://proxy.test/harbor/v2/hub", "https://proxy.test/harbor/v2/", "hub/team/app"],
    ["https://rewriting.test", "https://rewriting.test/", "team/app"],
    ["https://rewriting.test/v2x/hub", "https://rewriting.test/v2x/hub/", "team/app"],
    ["https://old.test/v1", "https://old.test/v1/", "team/app"],
  ])("%s says where the API begins, and what its registry calls a repository", (baseUrl, root, name) => {
    expect(rootAddress({ baseUrl })).toBe(root);
    expect(nameAtRegistry({ baseUrl }, "team/app")).toBe(name);
  });

  it("tells at the root too whose repositories are meant", () => {
    const endpoint = { baseUrl: "https://harbor.test/v2/hub", namespace: "docker.io" };
    expect(rootAddress(endpoint)).toBe("https://harbor.test/v2/?ns=docker.io");
  });
});
