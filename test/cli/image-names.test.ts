import { describe, expect, it } from "vitest";
import { pinnedName, shownName } from "../../src/cli/image-names.ts";
import { digestOf } from "../../src/digest/digest.ts";

const target = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf("m"), size: 1 };

describe("pinnedName()", () => {
  it.each([
    ["docker.io/library/redis:7", `docker.io/library/redis:7@${target.digest}`],
    [`registry.example/a/b@${target.digest}`, `registry.example/a/b@${target.digest}`],
  ])("of %s has the digest once", (name, pinned) => {
    expect(pinnedName({ name, target })).toBe(pinned);
  });
});

describe("shownName()", () => {
  it.each([
    ["docker.io/library/redis:7", "redis:7"],
    ["docker.io/team/app:v1", "team/app:v1"],
    ["registry.example/team/app:v1", "registry.example/team/app:v1"],
    [`docker.io/library/redis@${target.digest}`, `redis@${target.digest}`],
    ["Not A Reference", "Not A Reference"],
  ])("of %s is %s", (name, shown) => {
    expect(shownName(name)).toBe(shown);
  });
});
