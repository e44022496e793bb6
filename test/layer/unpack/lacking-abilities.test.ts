import { describe, expect, it } from "vitest";
import { lackingAbilities } from "../../../src/layer/unpack/lacking-abilities.ts";
import type { HostAbilities } from "../../../src/layer.ts";

const ALL: HostAbilities = {
  isRoot: true,
  owners: "any",
  devices: true,
  fifos: true,
  xattrs: ["security", "trusted", "user"],
  overlay: "trusted",
  tar: "/usr/bin/tar",
};

describe("lackingAbilities()", () => {
  it("says nothing of a host that can make everything", () => {
    expect(lackingAbilities(ALL)).toEqual([]);
  });

  it.each<readonly [Partial<HostAbilities>, readonly string[]]>([
    [{ owners: "own" }, ["owners: all files belong to the user of this process"]],
    [{ owners: "mapped", devices: false }, ["owners that this user namespace does not know", "devices"]],
    [{ fifos: false, xattrs: ["user"] }, ["FIFOs", "extended attributes security.*, trusted.*"]],
    [{ overlay: "none" }, ["whiteouts that overlayfs knows: layers that have some are not mounted"]],
  ])("names what is left out with %o", (without, words) => {
    expect(lackingAbilities({ ...ALL, ...without })).toEqual(words);
  });
});
