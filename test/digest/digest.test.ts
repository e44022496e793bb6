import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ALGORITHMS,
  algorithmOf,
  Digester,
  digestOf,
  encodedOf,
  isDigest,
  parseDigest,
  shortId,
} from "../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";

const LENGTHS = { sha256: 64, sha384: 96, sha512: 128 };

/** sha256 of nothing, as every tool prints it. */
const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const REFUSED: ReadonlyArray<[text: string, reason: string]> = [
  ["", "invalid checksum digest format"],
  [":", "invalid checksum digest format"],
  ["sha256", "invalid checksum digest format"],
  ["sha256:", "invalid checksum digest format"],
  [`:${"0".repeat(64)}`, "invalid checksum digest format"],
  [`SHA256:${"0".repeat(64)}`, "invalid checksum digest format"],
  [`sha256:${"A".repeat(64)}`, "invalid checksum digest format"],
  [`sha256:${"g".repeat(64)}`, "invalid checksum digest format"],
  [`sha256:${"0".repeat(63)}\n`, "invalid checksum digest format"],
  [`sha 256:${"0".repeat(64)}`, "invalid checksum digest format"],
  [`sha256+:${"0".repeat(64)}`, "invalid checksum digest format"],
  [`sha256:${"0".repeat(63)}`, "invalid checksum digest length"],
  [`sha256:${"0".repeat(65)}`, "invalid checksum digest length"],
  [`sha256:${"0".repeat(64)}:0`, "invalid checksum digest length"],
  [`sha384:${"0".repeat(64)}`, "invalid checksum digest length"],
  [`sha512:${"0".repeat(64)}`, "invalid checksum digest length"],
  ["sha256:../../etc/passwd", "invalid checksum digest length"],
  [`md5:${"0".repeat(32)}`, "unsupported digest algorithm"],
  [`sha256+b64:${"0".repeat(64)}`, "unsupported digest algorithm"],
  ["toString:0", "invalid checksum digest format"],
  ["constructor:0", "unsupported digest algorithm"],
];

describe("parseDigest()", () => {
  it.each(ALGORITHMS)("reads %s", (algorithm) => {
    const text = `${algorithm}:${"0123456789abcdef".repeat(8).slice(0, LENGTHS[algorithm])}`;
    expect(parseDigest(text)).toBe(text);
  });

  it.each(REFUSED)("refuses %j: %s", (text, reason) => {
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ message: reason, digest: text }));
    expect(() => parseDigest(text)).toThrow(ErrInvalidArgument);
  });

  it.each([
    ["letters", "a".repeat(1_000_000)],
    ["separators", "a.".repeat(500_000)],
    ["hexadecimal digits", `sha256:${"0".repeat(1_000_000)}`],
  ])("refuses a megabyte of %s with a bounded error", (_what, text) => {
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ digest: text.slice(0, 256) }));
  });
});

describe("isDigest()", () => {
  it.each(REFUSED)("says no to %j", (text) => {
    expect(isDigest(text)).toBe(false);
  });

  it("says what parseDigest() does", () => {
    const almost = fc
      .tuple(
        fc.constantFrom("sha256", "sha384", "sha512", "md5", ""),
        fc.constantFrom(":", "", "::"),
        fc.constantFrom(0, 63, 64, 96, 128),
        fc.constantFrom("0", "a", "A", "-"),
      )
      .map(([algorithm, colon, length, digit]) => algorithm + colon + digit.repeat(length));
    fc.assert(
      fc.property(fc.oneof(almost, fc.string()), (text) => {
        if (isDigest(text)) expect(parseDigest(text)).toBe(text);
        else expect(() => parseDigest(text)).toThrow(ErrInvalidArgument);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("the parts of a digest", () => {
  it("are its algorithm, its hexadecimal digits and the first twelve of them", () => {
    const digest = parseDigest(`sha512:${"0123456789abcdef".repeat(8)}`);
    expect(algorithmOf(digest)).toBe("sha512");
    expect(encodedOf(digest)).toBe("0123456789abcdef".repeat(8));
    expect(shortId(digest)).toBe("0123456789ab");
  });
});

describe("digestOf()", () => {
  it("gives the canonical digest", () => {
    expect(digestOf("")).toBe(EMPTY);
    expect(digestOf(new Uint8Array())).toBe(EMPTY);
  });

  it.each(ALGORITHMS)("gives a valid %s digest", (algorithm) => {
    const digest = digestOf("ship", algorithm);
    expect(parseDigest(digest)).toBe(`${algorithm}:${createHash(algorithm).update("ship").digest("hex")}`);
  });
});

describe("Digester", () => {
  it.each(ALGORITHMS)("computes %s of what streams by, however it is cut", (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (chunks) => {
        const digester = new Digester(algorithm);
        for (const chunk of chunks) digester.update(chunk);
        expect(digester.digest()).toBe(digestOf(Buffer.concat(chunks), algorithm));
      }),
    );
  });

  it("tells the digest so far and goes on", () => {
    const digester = new Digester();
    expect(digester.digest()).toBe(EMPTY);
    digester.update(Buffer.from("ab"));
    expect(digester.digest()).toBe(digestOf("ab"));
    digester.update(Buffer.from("c"));
    expect(digester.digest()).toBe(digestOf("abc"));
  });

  it("keeps no bytes: a reused buffer does no harm", () => {
    const digester = new Digester();
    const buffer = Buffer.from("ab");
    digester.update(buffer);
    buffer.fill(0);
    expect(digester.digest()).toBe(digestOf("ab"));
  });

  it("starts anew after reset()", () => {
    const digester = new Digester("sha384");
    digester.update(Buffer.from("ab"));
    digester.reset();
    digester.update(Buffer.from("c"));
    expect(digester.digest()).toBe(digestOf("c", "sha384"));
  });
});
