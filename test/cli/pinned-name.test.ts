import { describe, expect, it } from "vitest";
import { pinnedName } from "../../src/cli/pinned-name.ts";
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
