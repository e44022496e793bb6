import { describe, expect, it } from "vitest";
import { ErrDataLoss, ErrNotFound, ErrUnavailable } from "../../src/errors/classes.ts";
import { DrayageError } from "../../src/errors/drayage-error.ts";
import * as door from "../../src/errors.ts";
import { CLASSES } from "./error-classes.ts";

describe.each(CLASSES)("$name", ({ name, code, make }) => {
  it("has its public name and code", () => {
    const error = new make("read blob: no luck");
    expect(error.name).toBe(name);
    expect(error.code).toBe(code);
    expect(String(error)).toBe(`${name}: read blob: no luck`);
    expect(error.stack).toContain("read blob: no luck");
  });

  it("is an Error, a DrayageError and of no other class", () => {
    const error = new make("x");
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(DrayageError);
    const matching = CLASSES.filter((other) => error instanceof other.make).map((other) => other.name);
    expect(matching).toEqual([name]);
  });

  it("is exported by the door", () => {
    expect(Object.entries(door)).toContainEqual([name, make]);
  });
});

describe("the closed set", () => {
  it("has every class of the door, each with its own code", () => {
    const exported = Object.keys(door).filter((name) => name.startsWith("Err"));
    expect(exported.sort()).toEqual(CLASSES.map(({ name }) => name).sort());
    expect(new Set(CLASSES.map(({ code }) => code)).size).toBe(CLASSES.length);
  });

  it("keeps a name that a minifier takes from the class itself", () => {
    const { prototype } = ErrNotFound;
    expect(Object.getOwnPropertyDescriptor(prototype, "name")).toMatchObject({
      value: "ErrNotFound",
      enumerable: false,
    });
  });
});

describe("a class derived by a user", () => {
  class ErrManifestUnknown extends ErrNotFound {}

  it("is of the classes above it and no other", () => {
    const error = new ErrManifestUnknown("x");
    expect(error).toBeInstanceOf(ErrManifestUnknown);
    expect(error).toBeInstanceOf(ErrNotFound);
    expect(error).toBeInstanceOf(DrayageError);
    expect(error).not.toBeInstanceOf(ErrDataLoss);
  });

  it("does not claim the errors of other classes", () => {
    expect(new ErrUnavailable("x")).not.toBeInstanceOf(ErrManifestUnknown);
    expect(new ErrNotFound("x")).not.toBeInstanceOf(ErrManifestUnknown);
  });

  it("may give its errors another name", () => {
    const error = Object.assign(new ErrManifestUnknown("x"));
    Object.defineProperty(error, "name", { value: "ErrManifestUnknown" });
    expect(error).toBeInstanceOf(ErrNotFound);
  });
});
