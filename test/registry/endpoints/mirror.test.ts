import { describe, expect, it } from "vitest";
import { isInvalidArgument } from "../../../src/errors/predicates.ts";
import { mirrorBaseUrl } from "../../../src/registry/endpoints/mirror.ts";

describe("mirrorBaseUrl()", () => {
  it.each([
    ["http://mirror-1.example.com", "http://mirror-1.example.com/v2"],
    ["https://mirror-1.example.com", "https://mirror-1.example.com/v2"],
    ["http://localhost", "http://localhost/v2"],
    ["https://localhost", "https://localhost/v2"],
    ["http://localhost:5000", "http://localhost:5000/v2"],
    ["https://localhost:5000", "https://localhost:5000/v2"],
    ["http://127.0.0.1", "http://127.0.0.1/v2"],
    ["https://127.0.0.1", "https://127.0.0.1/v2"],
    ["http://127.0.0.1:5000", "http://127.0.0.1:5000/v2"],
    ["https://127.0.0.1:5000", "https://127.0.0.1:5000/v2"],
    ["http://mirror-1.example.com/v1/", "http://mirror-1.example.com/v1/v2"],
    ["https://mirror-1.example.com/v1/", "https://mirror-1.example.com/v1/v2"],
    ["https://mirror.example/", "https://mirror.example/v2"],
    ["https://mirror.example//", "https://mirror.example/v2"],
    ["https://mirror.example/v2/", "https://mirror.example/v2"],
    ["https://mirror.example/v2/hub", "https://mirror.example/v2/hub/v2"],
    ["HTTPS://Mirror.example", "https://mirror.example/v2"],
    ["http://[::1]:5000", "http://[::1]:5000/v2"],
  ])("of %s is %s", (mirror, baseUrl) => {
    expect(mirrorBaseUrl(mirror)).toBe(baseUrl);
  });

  it.each([
    ["!invalid!://%as%", "got no scheme"],
    ["mirror-1.example.com", "got no scheme"],
    ["mirror-1.example.com:5000", "got no scheme"],
    ["https:mirror.example", "got no scheme"],
    ["ftp://mirror-1.example.com", 'got scheme "ftp"'],
    ["http://", "not a valid URL"],
    ["http://a b.example", "not a valid URL"],
    ["http://a.example\\b", "not a valid URL"],
    ["http://a.example\n", "not a valid URL"],
    ["http://a.example:port", "not a valid URL"],
    ["http://mirror-1.example.com/?q=foo", "query and fragment"],
    ["http://mirror-1.example.com/v1/?q=foo", "query and fragment"],
    ["http://mirror-1.example.com?q=foo", "query and fragment"],
    ["http://mirror-1.example.com?", "query and fragment"],
    ["http://mirror-1.example.com/v1/#frag", "query and fragment"],
    ["https://user@mirror.example", "user name and password"],
    ["https://user:hunter2@mirror.example", "user name and password"],
  ])("throws ErrInvalidArgument for %j", (mirror, reason) => {
    expect(() => mirrorBaseUrl(mirror)).toThrow(reason);
    expect(() => mirrorBaseUrl(mirror)).toThrow(expect.toSatisfy(isInvalidArgument));
  });

  it.each([
    "https://user:hunter2@mirror.example",
    "user:hunter2@mirror.example",
    "https://user:hun?hunter2@mirror.example",
    "ftp://hunter2@mirror.example/",
    "https://mirror.example/?token=hunter2",
    "mirror.example#hunter2",
  ])("keeps the secret of %s out of the message", (mirror) => {
    expect(() => mirrorBaseUrl(mirror)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("hunter2") }),
    );
  });
});
