import { describe, expect, it } from "vitest";
import { namespaceOf } from "../../../src/content/grpc/namespace.ts";
import { ErrInvalidArgument } from "../../../src/errors/classes.ts";

describe("namespaceOf()", () => {
  it("is what the header says; nothing without one", () => {
    expect(namespaceOf({ "containerd-namespace": "k8s.io" })).toBe("k8s.io");
    expect(namespaceOf({})).toBeUndefined();
  });

  it.each(["", "a/b", "a, b", "\u00c3\u00bc"])("never takes a malformed one for none: %j", (value) => {
    expect(() => namespaceOf({ "containerd-namespace": value })).toThrow(ErrInvalidArgument);
  });
});
