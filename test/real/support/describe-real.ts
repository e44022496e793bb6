import { describe, it } from "vitest";
import { findPart, type PartName, packageOf } from "./parts.ts";

/**
 * A suite that needs real parts. When one is missing the suite is skipped, named in the report and counted there; where
 * CI is set it fails instead, unless the part is one that nobody promises (`packageOf`).
 */
export function describeReal(name: string, parts: readonly PartName[], define: () => void): void {
  const missing = parts.filter((part) => findPart(part) === undefined);
  if (missing.length === 0) {
    describe(name, define);
    return;
  }
  const title = `${name} (without ${missing.join(", ")})`;
  const { CI = "" } = process.env;
  if (CI === "" || missing.every((part) => packageOf(part) === undefined)) {
    describe.skip(title, define);
    return;
  }
  describe(title, () => {
    it("has its real parts", () => {
      throw new Error(`Cannot run real tests: ${missing.join(", ")} not found`);
    });
  });
}
