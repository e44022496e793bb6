import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { USER_AGENT } from "../../../src/registry/http/user-agent.ts";

it("USER_AGENT names the version of the package", () => {
  const { name, version } = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  expect(USER_AGENT).toBe(`${name}/${version}`);
});
