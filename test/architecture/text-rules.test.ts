import { describe, expect, it } from "vitest";
import { textViolations } from "./text-rules.ts";

const CHECKOUT = "/srv/checkouts/drayage";
/** Keeps what must be found out of this file. */
const spell = (...pieces: readonly string[]) => pieces.join("");

const whatIn = (text: string, path = "README.md") =>
  textViolations(path, text, CHECKOUT).map(({ what }) => what);

describe("textViolations()", () => {
  it.each([
    ["postponed work", spell("// TO", "DO: later")],
    ["postponed work", spell("# FIX", "ME")],
    ["path of one machine", `see ${CHECKOUT}/notes.md`],
    ["path of one machine", spell('"/home', '/ann/x"')],
    ["path of one machine", spell("cd /Users", "/ann")],
    ["host of a package registry", spell("https://registry.npm", "js.org/undici")],
    ["host of a package registry", spell("registry.yarn", "pkg.com")],
  ])("finds %s in %j", (what, text) => {
    expect(whatIn(text)).toEqual([what]);
  });

  it.each([
    "todos are listed elsewhere",
    "$HOME/.docker/config.json",
    "/root/.docker",
    "/var/lib/drayage/root/a",
    "/tmp/x",
    "https://example.com/home/ann",
    "registry-1.docker.io/library/redis",
  ])("finds nothing in %j", (text) => {
    expect(whatIn(text)).toEqual([]);
  });

  it("finds resolved addresses in the lock file only", () => {
    const text = '      "resolved": "https://example.com/a.tgz",';
    expect(whatIn(text, "package-lock.json")).toEqual(["resolved address"]);
    expect(whatIn(text, "src/oci/a.ts")).toEqual([]);
  });

  it("tells the line", () => {
    expect(textViolations("a.ts", spell("one\ntwo FIX", "ME"), CHECKOUT)).toEqual([
      { where: "a.ts:2", what: "postponed work" },
    ]);
  });
});
