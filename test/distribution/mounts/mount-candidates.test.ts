import { describe, expect, it } from "vitest";
import {
  type CandidateOptions,
  mountCandidates,
  mountTries,
} from "../../../src/distribution/mounts/mount-candidates.ts";

const TARGET = { domain: "docker.io", path: "user/app" };

function candidates(
  repositories: readonly string[],
  { ours = [], max = 10, target = TARGET }: Partial<CandidateOptions> & { ours?: readonly string[] } = {},
): readonly string[] {
  const sources = repositories.map((repository) => ({ repository, hmac: "" }));
  const isOurs = ({ repository }: { repository: string }): boolean => ours.includes(repository);
  return mountCandidates(sources, { target, isOurs, max }).map(({ repository }) => repository);
}

describe("mountCandidates()", () => {
  it("finds none among none", () => {
    expect(candidates([])).toEqual([]);
  });

  it("leaves out other registries, those whose name only begins alike, and the target itself", () => {
    const all = [
      "quay.io/user/lib",
      "docker.io.example/user/lib",
      "docker.io/user/app",
      "docker.io/user/lib",
    ];
    expect(candidates(all)).toEqual(["docker.io/user/lib"]);
  });

  it("prefers the target's namespace, newest first", () => {
    const all = ["docker.io/library/app", "docker.io/user/bar", "docker.io/user/foo"];
    expect(candidates(all)).toEqual(["docker.io/user/bar", "docker.io/user/foo", "docker.io/library/app"]);
  });

  it("prefers what the present credentials saw to any namespace", () => {
    const all = ["docker.io/user/near", "docker.io/far/seen"];
    expect(candidates(all, { ours: ["docker.io/far/seen"] })).toEqual([
      "docker.io/far/seen",
      "docker.io/user/near",
    ]);
  });

  it("counts whole path components only", () => {
    const target = { domain: "registry.example", path: "team/app/web" };
    const all = ["registry.example/team/application/x", "registry.example/team/app/api"];
    expect(candidates(all, { target })).toEqual([
      "registry.example/team/app/api",
      "registry.example/team/application/x",
    ]);
  });

  it("names a repository once, however often it was seen", () => {
    const all = ["docker.io/user/a", "docker.io/user/a", "docker.io/user/b"];
    expect(candidates(all, { max: 2 })).toEqual(["docker.io/user/a", "docker.io/user/b"]);
  });

  it("cuts after sorting", () => {
    const all = ["docker.io/library/a", "docker.io/library/b", "docker.io/user/c"];
    expect(candidates(all, { max: 1 })).toEqual(["docker.io/user/c"]);
  });
});

describe("mountTries()", () => {
  it.each([
    [0, 1],
    [100 * 1024, 1],
    [100 * 1024 + 1, 3],
    [10 * 1024 * 1024, 3],
    [10 * 1024 * 1024 + 1, 4],
  ])("allows a blob of %d bytes %d", (size, tries) => {
    expect(mountTries(size)).toBe(tries);
  });
});
