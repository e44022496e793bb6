import { describe, expect, it } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";
import { formatAddress, parseAddress } from "../../src/sockets/address.ts";

describe("parseAddress()", () => {
  it.each([
    ["unix:///run/a.sock", { kind: "unix", path: "/run/a.sock" }],
    ["unix:///run/a%20b c:d.sock", { kind: "unix", path: "/run/a%20b c:d.sock" }],
    ["tcp://127.0.0.1:50051", { kind: "tcp", host: "127.0.0.1", port: 50_051 }],
    ["tcp://localhost:0", { kind: "tcp", host: "localhost", port: 0 }],
    ["tcp://[::1]:1", { kind: "tcp", host: "::1", port: 1 }],
  ])("reads %s", (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(parseAddress(text))).toBe(text);
  });

  it("takes a path for what it leads to", () => {
    expect(parseAddress("unix:////run//x/../a.sock")).toEqual({ kind: "unix", path: "/run/a.sock" });
  });

  it.each([
    "",
    "/run/a.sock",
    "unix://run/a.sock",
    "unix:///",
    "unix:///run/\0",
    "tcp://localhost",
    "tcp://:1",
    "tcp://localhost:65536",
    "tcp://user@localhost:1",
    "tcp://localhost:1/path",
    "http://localhost:1",
  ])("refuses %j", (text) => {
    expect(() => parseAddress(text)).toThrow(ErrInvalidArgument);
  });
});
