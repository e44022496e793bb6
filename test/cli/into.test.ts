import { afterEach, describe, expect, it, vi } from "vitest";
import { parseInto } from "../../src/cli/into.ts";

afterEach(() => vi.unstubAllEnvs());

describe("parseInto()", () => {
  it.each([
    ["docker:///tmp/d.sock", { kind: "docker", address: "unix:///tmp/d.sock" }],
    [
      "containerd://",
      { kind: "containerd", place: { containerd: "unix:///run/containerd/containerd.sock" } },
    ],
    [
      "containerd:///x.sock?namespace=k8s.io&snapshotter=native",
      {
        kind: "containerd",
        place: { containerd: "unix:///x.sock", namespace: "k8s.io", snapshotter: "native" },
      },
    ],
  ])("reads %s", (text, wanted) => {
    expect(parseInto(text)).toEqual(wanted);
  });

  it("goes to where docker's own command line would", () => {
    vi.stubEnv("DOCKER_HOST", "");
    expect(parseInto("docker://")).toEqual({ kind: "docker", address: "unix:///var/run/docker.sock" });
    vi.stubEnv("DOCKER_HOST", "tcp://127.0.0.1:2375");
    expect(parseInto("docker://")).toEqual({ kind: "docker", address: "tcp://127.0.0.1:2375" });
  });

  it.each(["", "podman://", "docker://?x=1", "docker://host", "containerd:///x?y=z"])(
    "refuses %j",
    (text) => {
      expect(() => parseInto(text)).toThrow("wanted docker://");
    },
  );
});
