import { describe, expect, it } from "vitest";
import type { FoundImage } from "../../src/archive/found-image.ts";
import { nameImages } from "../../src/archive/name-images.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../src/errors/classes.ts";
import { named as target } from "../images/support.ts";

const A = target("a");
const B = target("b");

/** Images by their names: `a=redis:7` is image a of that name, `a` the same without a name. */
function found(...texts: readonly string[]): FoundImage[] {
  return texts.map((text) => {
    const [id = "", name] = text.split("=");
    return { target: id === "a" ? A : B, name };
  });
}

/** Names by the same notation. */
function names(images: readonly FoundImage[], wanted?: string): string[] {
  return nameImages(images, wanted).map(({ name, target }) => `${target === A ? "a" : "b"}=${name}`);
}

describe("nameImages() without a name", () => {
  it("takes the archive's references in full form", () => {
    expect(names(found("a=redis:7", "b=quay.io/x/y", "a=docker.io/library/redis:8"))).toEqual([
      "a=docker.io/library/redis:7",
      "b=quay.io/x/y:latest",
      "a=docker.io/library/redis:8",
    ]);
  });

  it("lets a digest win over a tag, and insists on it", () => {
    expect(names(found(`a=redis:7@${A.digest}`))).toEqual([`a=docker.io/library/redis@${A.digest}`]);
    expect(() => names(found(`a=redis@${B.digest}`))).toThrow(ErrInvalidArgument);
  });

  it("calls images without a name by their digest where others have one", () => {
    expect(names(found("a", "b=redis:7"))).toEqual([
      "b=docker.io/library/redis:7",
      `a=docker.io/library/import@${A.digest}`,
    ]);
    expect(names(found("a", "a=redis:7"))).toEqual(["a=docker.io/library/redis:7"]);
  });

  it("says what is missing when there is no name, or only a tag", () => {
    expect(() => names(found("a"))).toThrow("the archive gives no name, wanted NAME[:TAG] with the import");
    expect(() => names(found("a=v1"))).toThrow('gives only the tag "v1", wanted NAME[:TAG] with the import');
    expect(() => names(found("a=v1"))).toThrow(ErrInvalidArgument);
  });

  it("refuses a name that is none", () => {
    expect(() => names(found("a=Not/A:Name"))).toThrow(ErrInvalidArgument);
  });

  it("refuses one name for two images, and takes it once for one", () => {
    expect(() => names(found("a=redis:7", "b=docker.io/library/redis:7"))).toThrow(
      "got two images of this name",
    );
    expect(names(found("a=redis:7", "a=redis:7"))).toEqual(["a=docker.io/library/redis:7"]);
  });

  it("throws ErrNotFound when there is no image", () => {
    expect(() => names([])).toThrow(ErrNotFound);
  });
});

describe("nameImages() with a name", () => {
  it.each([
    [["a"], "app", ["a=docker.io/library/app:latest"]],
    [["a"], "app:1", ["a=docker.io/library/app:1"]],
    [["a=v1"], "app", ["a=docker.io/library/app:v1"]],
    [["a=v1"], "app:2", ["a=docker.io/library/app:2"]],
    [["a=redis:7"], "quay.io/my/app", ["a=quay.io/my/app:7"]],
    [["a=redis:7", "a=redis:8"], "app", ["a=docker.io/library/app:7", "a=docker.io/library/app:8"]],
    [["a=redis:7", "a=redis:8"], "app:x", ["a=docker.io/library/app:x"]],
    [["a=v1", "b=v2"], "app", ["a=docker.io/library/app:v1", "b=docker.io/library/app:v2"]],
    [["a=v1", "b=v2"], "app:v2", ["b=docker.io/library/app:v2"]],
    [["a=redis:7", "b=redis:8"], "app:7", ["a=docker.io/library/app:7"]],
    [["a", "b=v2"], "app", ["b=docker.io/library/app:v2", `a=docker.io/library/app@${A.digest}`]],
    [[`a=redis@${A.digest}`], "app", ["a=docker.io/library/app:latest"]],
    [["a"], `app@${A.digest}`, [`a=docker.io/library/app@${A.digest}`]],
  ])("makes of %j and %s: %j", (archive, wanted, expected) => {
    expect(names(found(...archive), wanted)).toEqual(expected);
  });

  it("refuses a digest that is not the image's", () => {
    expect(() => names(found("a"), `app@${B.digest}`)).toThrow(ErrInvalidArgument);
  });

  it("lists what there is when no image has the tag", () => {
    expect(() => names(found("a=v1", "b=v2"), "app:v3")).toThrow(ErrNotFound);
    expect(() => names(found("a=v1", "b=v2"), "app:v3")).toThrow("none with this tag (v1, v2)");
  });

  it("needs tags to tell several images apart", () => {
    expect(() => names(found("a", "b"), "app")).toThrow(
      "one of several images, but the archive gives no tag",
    );
    expect(() => names(found("a=x/one:1", "b=x/two:1"), "app")).toThrow("got two images of this name");
  });

  it("does not need the archive's names to be any good", () => {
    expect(names(found("a=Not/A:Name"), "app:1")).toEqual(["a=docker.io/library/app:1"]);
    expect(names(found("a=Not/A:Name"), "app")).toEqual(["a=docker.io/library/app:latest"]);
  });

  it("refuses a name that is none", () => {
    expect(() => names(found("a"), "Not A Name")).toThrow(ErrInvalidArgument);
  });
});
