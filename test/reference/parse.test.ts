import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { parse, withName } from "../../src/reference/parse.ts";
import { characters, refusal, strictReference } from "./references.ts";

const SHA256 = `sha256:${"0123456789abcdef".repeat(4)}`;
const SHA512 = `sha512:${"0123456789abcdef".repeat(8)}`;
const TAG_128 = "t".repeat(128);
const PATH_255 = `${"a/".repeat(127)}a`;

describe("parse()", () => {
  it.each<[text: string, parts: { domain?: string; path: string; tag?: string; digest?: string }]>([
    ["redis", { path: "redis" }],
    ["redis:7", { path: "redis", tag: "7" }],
    ["redis:Seven_7.0-RC", { path: "redis", tag: "Seven_7.0-RC" }],
    ["redis:_", { path: "redis", tag: "_" }],
    [`redis:${TAG_128}`, { path: "redis", tag: TAG_128 }],
    [`redis@${SHA256}`, { path: "redis", digest: SHA256 }],
    [`redis:7@${SHA512}`, { path: "redis", tag: "7", digest: SHA512 }],
    ["library/redis", { domain: "library", path: "redis" }],
    ["a/b/c/d", { domain: "a", path: "b/c/d" }],
    ["quay.io/team/app:v1", { domain: "quay.io", path: "team/app", tag: "v1" }],
    ["host:5000/app", { domain: "host:5000", path: "app" }],
    ["host:5000/app:5000", { domain: "host:5000", path: "app", tag: "5000" }],
    ["host:5000", { path: "host", tag: "5000" }],
    ["localhost/x", { domain: "localhost", path: "x" }],
    ["Team/app", { domain: "Team", path: "app" }],
    ["REG.Example.COM/app", { domain: "REG.Example.COM", path: "app" }],
    ["my_host.org/x", { path: "my_host.org/x" }],
    ["my_host.org:80", { path: "my_host.org", tag: "80" }],
    ["192.0.2.7", { path: "192.0.2.7" }],
    ["192.0.2.7:5000/x", { domain: "192.0.2.7:5000", path: "x" }],
    ["[::1]:5000/x", { domain: "[::1]:5000", path: "x" }],
    ["[2001:DB8::7]/team/x:1", { domain: "[2001:DB8::7]", path: "team/x", tag: "1" }],
    ["xn--nxasmq6b.example/x", { domain: "xn--nxasmq6b.example", path: "x" }],
    ["a--b.example/x", { domain: "a--b.example", path: "x" }],
    ["x/a.b_c__d---e", { domain: "x", path: "a.b_c__d---e" }],
    ["f".repeat(64), { path: "f".repeat(64) }],
    [SHA256, { path: "sha256", tag: SHA256.slice(7) }],
    [PATH_255, { domain: "a", path: `${"a/".repeat(126)}a` }],
    [`registry.example/${PATH_255}`, { domain: "registry.example", path: PATH_255 }],
    ["a".repeat(255), { path: "a".repeat(255) }],
  ])("reads %s", (text, parts) => {
    const reference = parse(text);
    expect({ ...reference }).toEqual(parts);
    expect(reference.toString()).toBe(text);
  });

  it.each<[text: string, reason: string]>([
    ["", "repository name must have at least one component"],
    [":tag", "invalid reference format"],
    [`@${SHA256}`, "invalid reference format"],
    ["redis:", "invalid reference format"],
    ["redis@", "invalid reference format"],
    ["redis:-7", "invalid reference format"],
    ["redis:.7", "invalid reference format"],
    ["redis:a:b", "invalid reference format"],
    [`redis:${TAG_128}t`, "invalid reference format"],
    [`redis@${SHA256}:7`, "invalid reference format"],
    [`redis@${SHA256}@${SHA256}`, "invalid reference format"],
    ["redis@sha256:abcdef", "invalid reference format"],
    [" redis", "invalid reference format"],
    ["redis\n", "invalid reference format"],
    ["re dis", "invalid reference format"],
    ["rédis", "invalid reference format"],
    ["redis:é", "invalid reference format"],
    ["/redis", "invalid reference format"],
    ["redis/", "invalid reference format"],
    ["a//b", "invalid reference format"],
    ["a/../b", "invalid reference format"],
    ["x/a..b", "invalid reference format"],
    ["x/a___b", "invalid reference format"],
    ["x/-a", "invalid reference format"],
    ["x/a-", "invalid reference format"],
    ["x/_a", "invalid reference format"],
    ["-host.example/x", "invalid reference format"],
    ["host-.example/X", "invalid reference format"],
    ["host:/x", "invalid reference format"],
    ["host:port/x", "invalid reference format"],
    ["[::1]", "invalid reference format"],
    ["[::1]:5000", "invalid reference format"],
    ["[::g]/x", "invalid reference format"],
    ["[]/x", "invalid reference format"],
    ["[::ffff:192.0.2.7]/x", "invalid reference format"],
    ["[fe80::1%eth0]/x", "invalid reference format"],
    ["https://host/x", "invalid reference format"],
    ["Redis", "repository name must be lowercase"],
    ["Redis:7", "repository name must be lowercase"],
    ["host:5000/Team/app", "repository name must be lowercase"],
    ["a".repeat(256), "repository name must not be more than 255 characters"],
    [`registry.example/${PATH_255}a`, "repository name must not be more than 255 characters"],
    [`redis@sha257:${"0".repeat(64)}`, "unsupported digest algorithm"],
    [`redis@sha256:${"0".repeat(63)}`, "invalid checksum digest length"],
    [`redis@sha512:${"0".repeat(64)}`, "invalid checksum digest length"],
    [`redis@sha256:${"F".repeat(64)}`, "invalid checksum digest format"],
    [`redis@SHA256:${"0".repeat(64)}`, "invalid checksum digest format"],
  ])("refuses %j: %s", (text, reason) => {
    expect(refusal(() => parse(text))).toMatchObject({ message: reason, reference: text.slice(0, 256) });
  });

  it("looks at no more than 4096 characters", () => {
    const reason = "repository name must not be more than 255 characters";
    expect(refusal(() => parse("a".repeat(4_096))).message).toBe(reason);
    expect(refusal(() => parse("a".repeat(4_097)))).toMatchObject({
      message: "invalid reference format: 4097 characters, at most 4096",
      reference: "a".repeat(256),
    });
  });

  it("gives a reference that cannot be changed", () => {
    const reference = parse("host/app:1");
    expect(() => Object.assign(reference, { tag: "2" })).toThrow(TypeError);
    expect(reference.toString()).toBe("host/app:1");
  });

  it("leaves out what is not there", () => {
    expect(Object.keys(parse("app"))).toEqual(["path"]);
  });

  it("keeps the digest's own error as cause", () => {
    const digest = `sha256:${"0".repeat(40)}`;
    expect(refusal(() => parse(`redis@${digest}`)).cause).toMatchObject({ digest });
  });

  it("shows no password of a URL that was taken for a reference", () => {
    const error = refusal(() => parse("https://user:hunter2@host.example/x?token=hunter2"));
    expect(error.reference).toBe("https://host.example/x?token=REDACTED");
    expect(error.message).not.toContain("hunter2");
  });

  it.each([
    ["letters", "a".repeat(1_000_000)],
    ["dashes", `a${"-".repeat(1_000_000)}!`],
    ["components", "a/".repeat(500_000)],
    ["labels", `${"a.".repeat(500_000)}!`],
    ["separators", `${"a_".repeat(500_000)}!`],
    ["upper case", "A".repeat(1_000_000)],
    ["colons", `[${":".repeat(1_000_000)}`],
  ])("refuses a megabyte of %s with a bounded error", (_what, text) => {
    const error = refusal(() => parse(text));
    expect(error.message.length).toBeLessThan(100);
    expect(error.reference).toBe(text.slice(0, 256));
  });

  it("gives back every valid reference as it was", () => {
    fc.assert(
      fc.property(strictReference, (text) => {
        expect(parse(text).toString()).toBe(text);
      }),
    );
  });

  it("throws nothing but ErrInvalidArgument, whatever it reads", () => {
    const almost = fc.string({ unit: characters("aZ09._-/:@[]% \nshé"), maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(almost, fc.string(), strictReference), (text) => {
        try {
          expect(parse(text).toString()).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ErrInvalidArgument);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("withName()", () => {
  it("reads domain and path", () => {
    expect({ ...withName("host:5000/team/app") }).toEqual({ domain: "host:5000", path: "team/app" });
    expect({ ...withName("app") }).toEqual({ path: "app" });
  });

  it.each([
    ["", "invalid reference format"],
    ["app:1", "invalid reference format"],
    [`app@${SHA256}`, "invalid reference format"],
    ["App", "invalid reference format"],
    [`host/${"a".repeat(256)}`, "repository name must not be more than 255 characters"],
  ])("refuses %j", (name, reason) => {
    expect(refusal(() => withName(name)).message).toBe(reason);
  });

  it("looks at no more than 4096 characters", () => {
    const reason = "invalid reference format: 5000 characters, at most 4096";
    expect(refusal(() => withName("a".repeat(5_000))).message).toBe(reason);
  });
});
