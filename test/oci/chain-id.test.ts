import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { chainId, chainIds } from "../../src/oci/chain-id.ts";

const [a, b, c] = [digestOf("a"), digestOf("b"), digestOf("c")];
const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

describe("chainId()", () => {
  it("is the diffID for the lowest layer", () => {
    expect(chainId(undefined, a)).toBe(a);
  });

  it("is the digest of parent, space, diffID above it", () => {
    expect(chainId(a, b)).toBe(sha256(`${a} ${b}`));
  });
});

describe("chainIds()", () => {
  it("builds each upon the one before", () => {
    const ab = sha256(`${a} ${b}`);
    expect(chainIds([a, b, c])).toEqual([a, ab, sha256(`${ab} ${c}`)]);
  });

  it("tells the same diffID at another place apart", () => {
    expect(new Set(chainIds([a, a, a])).size).toBe(3);
  });

  it("is empty for no layers", () => {
    expect(chainIds([])).toEqual([]);
  });
});
