import { describe, expect, it } from "vitest";
import { formatHostPort, parseHostPort } from "../../../src/registry/endpoints/host-port.ts";

describe("parseHostPort()", () => {
  it.each([
    ["example.com", "example.com", undefined, "example.com"],
    ["Example.COM:5000", "example.com", "5000", "example.com:5000"],
    ["localhost", "localhost", undefined, "localhost"],
    ["10.0.0.1:443", "10.0.0.1", "443", "10.0.0.1:443"],
    ["my_registry:80", "my_registry", "80", "my_registry:80"],
    ["::1", "::1", undefined, "[::1]"],
    ["[::1]", "::1", undefined, "[::1]"],
    ["[2001:DB8:0:0:0:0:0:1]:5000", "2001:db8::1", "5000", "[2001:db8::1]:5000"],
    [
      "1200:0000:AB00:1234:0000:2552:7777:1313",
      "1200:0:ab00:1234:0:2552:7777:1313",
      undefined,
      "[1200:0:ab00:1234:0:2552:7777:1313]",
    ],
  ])("takes %s apart and formats it in one spelling", (text, hostname, port, formatted) => {
    expect(parseHostPort(text)).toEqual({ hostname, port });
    expect(formatHostPort(parseHostPort(text))).toBe(formatted);
  });

  it.each([
    ["", "invalid host"],
    ["-a.com", "invalid host"],
    ["a-.com", "invalid host"],
    ["a..com", "invalid host"],
    ["user@a.com", "invalid host"],
    ["a.com/path", "invalid host"],
    ["a b", "invalid host"],
    ["[fe80::]/64", "invalid host"],
    ["[10.0.0.1]", "invalid host"],
    ["1200:0000:AB00:1234:0000:2552:7777:1313:8080", "invalid host"],
    ["a.com:", "invalid port"],
    ["a.com:65536", "invalid port"],
    ["[::1]:500000", "invalid port"],
  ])("rejects %j when it is malformed", (text, reason) => {
    expect(() => parseHostPort(text)).toThrow(reason);
  });

  it("takes the highest and the lowest port", () => {
    expect(parseHostPort("a:65535").port).toBe("65535");
    expect(parseHostPort("a:0").port).toBe("0");
  });
});

it("parseHostPort() does not repeat a password that stands before the host", () => {
  expect(() => parseHostPort("user:s3cret@host:5000")).toThrow(
    'invalid host "host:5000": user name and password are not allowed',
  );
});
