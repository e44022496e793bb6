import { describe, it } from "vitest";
import { haveNpmPart, NPM_PART } from "./npm-part.ts";
import { findPart, type PartName, packageOf } from "./parts.ts";

type Needed = PartName | typeof NPM_PART;

/**
 * A suite that needs real parts. When one is missing the suite is skipped, named in the report and counted there; where
 * CI is set it fails instead, unless the part is one that nobody promises (`packageOf`).
 */
export function describeReal(name: string, parts: readonly Needed[], define: () => void): void {
  const missing = parts.filter((part) => !isThere(part));
  if (missing.length === 0) {
    describe(name, define);
    return;
  }
  const title = `${name} (without ${missing.join(", ")})`;
  const { CI = "" } = process.env;
  if (CI === "" || !missing.some(isPromised)) {
    describe.skip(title, define);
    return;
  }
  describe(title, () => {
    it("has its real parts", () => {
      throw new Error(`Cannot run real tests: ${missing.join(", ")} not found`);
    });
  });
}

function isThere(part: Needed): boolean {
  return part === NPM_PART ? haveNpmPart() : findPart(part) !== undefined;
}

function isPromised(part: Needed): boolean {
  return part === NPM_PART || packageOf(part) !== undefined;
}
