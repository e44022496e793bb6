import { describe, expect, it } from "vitest";
import { BoundedMap } from "../../src/async/bounded-map.ts";

describe("BoundedMap", () => {
  it("loses the least recently used entry when there is one too many", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    expect(map.get("a")).toBe(1);
    map.set("c", 3);
    expect([map.get("a"), map.get("b"), map.get("c"), map.size]).toEqual([1, undefined, 3, 2]);
  });

  it("counts a new value as a use, and gives a place back", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    map.set("a", 3);
    map.set("c", 4);
    expect([map.get("a"), map.get("b")]).toEqual([3, undefined]);
    map.delete("a");
    map.set("d", 5);
    expect([map.get("c"), map.get("d")]).toEqual([4, 5]);
  });

  it("counts each use of what is used again and again, and of what comes back", () => {
    const map = new BoundedMap<string, number>(2);
    map.set("a", 1);
    expect([map.get("a"), map.get("a")]).toEqual([1, 1]);
    map.set("b", 2);
    expect([map.get("a"), map.get("a")]).toEqual([1, 1]);
    map.set("c", 3);
    expect([map.get("b"), map.get("a"), map.get("c")]).toEqual([undefined, 1, 3]);
    map.delete("c");
    expect(map.get("c")).toBeUndefined();
    map.set("c", 4);
    map.set("d", 5);
    expect([map.get("a"), map.get("c"), map.get("d")]).toEqual([undefined, 4, 5]);
  });
});
