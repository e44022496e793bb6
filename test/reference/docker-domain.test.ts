import { describe, expect, it } from "vitest";
import { splitDockerDomain, startsWithDomain } from "../../src/reference/docker-domain.ts";

describe("splitDockerDomain()", () => {
  it.each([
    ["x", "docker.io", "library/x"],
    ["a/x", "docker.io", "a/x"],
    ["docker.io/x", "docker.io", "library/x"],
    ["index.docker.io/a/x", "docker.io", "a/x"],
    ["localhost/x", "localhost", "x"],
    ["localhost2/x", "docker.io", "localhost2/x"],
    ["h:1/x", "h:1", "x"],
    ["h.example/a/x", "h.example", "a/x"],
    ["H/x", "H", "x"],
  ])("splits %s into %s and %s", (text, domain, rest) => {
    expect(splitDockerDomain(text)).toEqual({ domain, rest });
  });
});

describe("startsWithDomain()", () => {
  it("needs a slash after the domain", () => {
    expect(startsWithDomain("localhost")).toBe(false);
    expect(startsWithDomain("h.example:1")).toBe(false);
    expect(startsWithDomain("h.example/")).toBe(true);
  });

  it("looks at the first component only", () => {
    expect(startsWithDomain("a/h.example/x:1")).toBe(false);
  });
});
