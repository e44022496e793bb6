import { describe, expect, it } from "vitest";
import { infoFilter, statusFilter } from "../../../src/content/filters/filter.ts";
import type { Info } from "../../../src/content/store.ts";
import { digestOf } from "../../../src/digest/digest.ts";
import { ErrInvalidArgument } from "../../../src/errors/classes.ts";

function info(labels: Record<string, string>): Info {
  return { digest: digestOf("x"), size: 1, createdAtNs: 0n, updatedAtNs: 0n, labels };
}

const LABELLED = info({ "containerd.io/gc.root": "yes", "a.b": "c", empty: "" });

describe("infoFilter()", () => {
  it.each([
    [[], true],
    [[""], true],
    [["", "nothing"], true],
    [["digest"], true],
    [[`digest==${digestOf("x")}`], true],
    [[`digest==${digestOf("y")}`], false],
    [['labels."containerd.io/gc.root"'], true],
    [['labels."containerd.io/gc.root"==yes'], true],
    [["labels.a.b==c"], true],
    [['labels."a"."b"==c'], true],
    [["labels.empty"], true],
    [['labels.empty==""'], true],
    [["labels.absent"], false],
    [['labels.absent==""'], false],
    [["labels.absent!=x"], true],
    [["labels.a.b!=c"], false],
    [["labels.a.b~=^[a-c]$"], true],
    [["labels.absent~=^$"], true],
    [["labels.a.b~=("], false],
    [["labels.constructor"], false],
    [["labels.__proto__"], false],
    [["size==1"], false],
    [["size!=1"], true],
    [["labels.a.b==c,labels.empty"], true],
    [["labels.a.b==c,labels.absent"], false],
    [["labels.absent", "labels.a.b==c"], true],
  ])("%j lets content through: %s", (filters, passes) => {
    expect(infoFilter(filters)(LABELLED)).toBe(passes);
  });

  it("lets everything through without filters", () => {
    expect(infoFilter(undefined)(info({}))).toBe(true);
  });

  it("throws ErrInvalidArgument at once when one filter is malformed, or when they are too many", () => {
    expect(() => infoFilter(["digest", "a="])).toThrow(ErrInvalidArgument);
    expect(() => infoFilter(Array.from({ length: 10_001 }, () => "a"))).toThrow(
      "got 10001 filters, want at most 10000",
    );
  });
});

describe("statusFilter()", () => {
  it.each([
    ["ref", true],
    ["ref==default/1/layer", true],
    ['ref~="layer$"', true],
    ["ref!=default/1/layer", false],
    ["digest", false],
  ])("%j lets an ingest through: %s", (filter, passes) => {
    expect(statusFilter([filter])({ ref: "default/1/layer" })).toBe(passes);
  });
});
