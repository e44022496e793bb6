import { expect, it } from "vitest";
import { SkippedKinds, skippedInWords } from "../../../src/layer/unpack/skipped-kinds.ts";

it("says in words what was skipped, the root of the image among it", () => {
  const skipped = new SkippedKinds();
  for (const name of ["", "etc/a b"]) skipped.add("owner", name);
  expect(skipped.list().map(skippedInWords)).toEqual(['2 owners, such as "/", "etc/a b"']);
});
