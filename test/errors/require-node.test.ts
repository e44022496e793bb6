import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ErrFailedPrecondition } from "../../src/errors/classes.ts";
import { requireNode } from "../../src/errors/require-node.ts";

afterEach(() => void vi.unstubAllGlobals());

function onNode(version: string): void {
  vi.stubGlobal("process", { ...process, versions: { ...process.versions, node: version } });
}

describe("requireNode()", () => {
  it.each(["22.19.0", "22.20.1", "24.0.0", "30.1.0"])("is content with %s", (version) => {
    onNode(version);
    expect(() => requireNode("open distribution")).not.toThrow();
  });

  it.each(["20.20.2", "22.18.9", "18.0.0"])("refuses %s and says what is needed", (version) => {
    onNode(version);
    expect(() => requireNode("open distribution")).toThrow(ErrFailedPrecondition);
    expect(() => requireNode("open distribution")).toThrow(
      `open distribution: Node.js 22.19 or newer is needed, this is ${version}`,
    );
  });

  it("wants what package.json wants", () => {
    const { engines } = JSON.parse(readFileSync("package.json", "utf8")) as { engines: { node: string } };
    onNode("1.0.0");
    expect(() => requireNode("x")).toThrow(`Node.js ${engines.node.replace(">=", "")} or newer`);
  });
});
