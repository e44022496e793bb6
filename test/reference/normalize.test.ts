import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import {
  parseAnyReference,
  parseDockerRef,
  parseNamed,
  parseNormalizedNamed,
} from "../../src/reference/normalize.ts";
import { characters, refusal, strictReference, typedReference } from "./references.ts";

const HEX = "0123456789abcdef".repeat(4);
const SHA256 = `sha256:${HEX}`;

describe("parseNormalizedNamed()", () => {
  it.each([
    ["redis", "docker.io/library/redis"],
    ["redis:7", "docker.io/library/redis:7"],
    [`redis:7@${SHA256}`, `docker.io/library/redis:7@${SHA256}`],
    ["library/redis", "docker.io/library/redis"],
    ["docker.io/redis", "docker.io/library/redis"],
    ["docker.io/library/redis", "docker.io/library/redis"],
    ["index.docker.io/redis", "docker.io/library/redis"],
    ["index.docker.io/team/app", "docker.io/team/app"],
    ["team/app", "docker.io/team/app"],
    ["team/sub/app", "docker.io/team/sub/app"],
    ["library/team/app", "docker.io/library/team/app"],
    ["localhost/x", "localhost/x"],
    ["localhost", "docker.io/library/localhost"],
    ["localhost:5000/x", "localhost:5000/x"],
    ["host:5000/x", "host:5000/x"],
    ["host:5000", "docker.io/library/host:5000"],
    ["quay.io/x", "quay.io/x"],
    ["quay.io", "docker.io/library/quay.io"],
    ["docker.io", "docker.io/library/docker.io"],
    ["Team/app", "Team/app"],
    ["LOCALHOST/x", "LOCALHOST/x"],
    ["127.0.0.1:5000/x:1", "127.0.0.1:5000/x:1"],
    ["[::1]:5000/x", "[::1]:5000/x"],
    ["[FE80::1]/x", "[FE80::1]/x"],
    ["team/host.example/x", "docker.io/team/host.example/x"],
    [`team/${HEX}`, `docker.io/team/${HEX}`],
    [`${HEX}:1`, `docker.io/library/${HEX}:1`],
    [HEX.slice(1), `docker.io/library/${HEX.slice(1)}`],
    [SHA256, `docker.io/library/${SHA256}`],
    ["redis:LATEST", "docker.io/library/redis:LATEST"],
  ])("reads %s as %s", (text, full) => {
    expect(parseNormalizedNamed(text).toString()).toBe(full);
  });

  it.each([
    [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
    ["Redis", "invalid reference format: repository name (library/Redis) must be lowercase"],
    ["team/App:1", "invalid reference format: repository name (team/App) must be lowercase"],
    ["host:5000/Team/app:V1", "invalid reference format: repository name (Team/app) must be lowercase"],
    ["docker.io/Redis", "invalid reference format: repository name (library/Redis) must be lowercase"],
    ["", "invalid reference format"],
    ["/", "invalid reference format"],
    ["/redis", "invalid reference format"],
    ["docker.io/", "invalid reference format"],
    ["docker.io//redis", "invalid reference format"],
    ["my_host.org/x", "invalid reference format"],
    ["-redis", "invalid reference format"],
    ["redis:", "invalid reference format"],
    ["re dis", "invalid reference format"],
    [`team/${"a".repeat(251)}`, "repository name must not be more than 255 characters"],
    [`redis@sha256:${"0".repeat(40)}`, "invalid checksum digest length"],
  ])("refuses %j", (text, reason) => {
    expect(refusal(() => parseNormalizedNamed(text))).toMatchObject({
      message: reason,
      reference: text.slice(0, 256),
    });
  });

  it("looks at no more than 4096 characters", () => {
    const reason = "invalid reference format: 4097 characters, at most 4096";
    expect(refusal(() => parseNormalizedNamed("A".repeat(4_097))).message).toBe(reason);
    expect(refusal(() => parseNormalizedNamed("a".repeat(4_096))).message).toContain("more than 255");
  });

  it("counts the path without the domain", () => {
    const path = `team/${"a".repeat(250)}`;
    expect(parseNormalizedNamed(path)).toMatchObject({ domain: "docker.io", path });
  });

  it("gives a text that reads as itself", () => {
    fc.assert(
      fc.property(fc.oneof(typedReference, strictReference), (text) => {
        const full = readable(text)?.toString();
        fc.pre(full !== undefined);
        expect(parseNormalizedNamed(full).toString()).toBe(full);
        expect(parseNamed(full).toString()).toBe(full);
      }),
    );
  });

  it("throws nothing but ErrInvalidArgument, whatever it reads", () => {
    const almost = fc.string({ unit: characters("aZ0._-/:@[] é"), maxLength: 40 });
    fc.assert(
      fc.property(fc.oneof(almost, fc.string()), (text) => void readable(text)),
      { numRuns: 1_000 },
    );
  });
});

describe("parseNamed()", () => {
  it("reads a full name", () => {
    const text = `quay.io/team/app:1@${SHA256}`;
    expect({ ...parseNamed(text) }).toEqual({
      domain: "quay.io",
      path: "team/app",
      tag: "1",
      digest: SHA256,
    });
  });

  it.each(["redis", "docker.io/redis", "index.docker.io/library/redis", "team/app:1"])(
    "refuses %s",
    (text) => {
      expect(refusal(() => parseNamed(text))).toMatchObject({
        message: "repository name must be canonical",
        reference: text,
      });
    },
  );

  it("refuses what is no reference with the reason", () => {
    expect(refusal(() => parseNamed("re dis")).message).toBe("invalid reference format");
  });
});

describe("parseDockerRef()", () => {
  it.each([
    ["redis", "docker.io/library/redis:latest"],
    ["redis:7", "docker.io/library/redis:7"],
    [`redis@${SHA256}`, `docker.io/library/redis@${SHA256}`],
    [`redis:7@${SHA256}`, `docker.io/library/redis@${SHA256}`],
    ["quay.io/x", "quay.io/x:latest"],
  ])("reads %s as %s", (text, full) => {
    expect(parseDockerRef(text).toString()).toBe(full);
  });

  it("refuses an image's id", () => {
    expect(refusal(() => parseDockerRef(HEX)).message).toContain(
      "cannot specify 64-byte hexadecimal strings",
    );
  });
});

describe("parseAnyReference()", () => {
  it.each([HEX, SHA256])("reads the id %s as a digest alone", (text) => {
    const reference = parseAnyReference(text);
    expect({ ...reference }).toEqual({ digest: SHA256 });
    expect(reference.toString()).toBe(SHA256);
  });

  it("reads a digest of another algorithm", () => {
    const digest = `sha512:${"0".repeat(128)}`;
    expect(parseAnyReference(digest)).toMatchObject({ digest });
  });

  it.each([
    ["redis", "docker.io/library/redis"],
    ["sha256:latest", "docker.io/library/sha256:latest"],
    [HEX.slice(0, 12), `docker.io/library/${HEX.slice(0, 12)}`],
    [`redis@${SHA256}`, `docker.io/library/redis@${SHA256}`],
  ])("reads %s as the name %s", (text, full) => {
    expect(parseAnyReference(text).toString()).toBe(full);
  });

  it("refuses what is neither", () => {
    expect(refusal(() => parseAnyReference("re dis")).message).toBe("invalid reference format");
    expect(refusal(() => parseAnyReference(":".repeat(1_000_000))).message).toContain("at most 4096");
  });
});

function readable(text: string): ReturnType<typeof parseNormalizedNamed> | undefined {
  try {
    return parseNormalizedNamed(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    return undefined;
  }
}
