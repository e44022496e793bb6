import { describe, expect, it } from "vitest";
import { loginHost } from "../../../src/registry/credentials/server-key.ts";

describe("loginHost()", () => {
  it.each([
    ["registry.example:5000", "registry.example:5000"],
    ["https://registry.example/v1/", "registry.example"],
    [" Registry.example ", "registry.example"],
    ["registry-1.docker.io", "docker.io"],
  ])("takes %j for %j", (server, host) => {
    expect(loginHost(server)).toBe(host);
  });

  it.each([
    "robot:hush@registry.example",
    "robot:hush@registry.example/team",
    "https://robot:hush@registry.example",
  ])("refuses %j without a word of the password", (server) => {
    const login = (): string => loginHost(server);
    expect(login).toThrow(/registry\.example/);
    expect(login).not.toThrow(/hush/);
  });
});
