import { describe, expect, it } from "vitest";
import {
  ErrCanceled,
  ErrDeadlineExceeded,
  ErrNotFound,
  ErrUnauthenticated,
  findError,
} from "../../src/errors.ts";
import { blamed, blaming } from "../../src/remotes/blame.ts";

const ENDPOINT = "https://registry.example";

describe("blamed()", () => {
  it("puts the endpoint on an error that has none", () => {
    const error = findError(blamed(new ErrNotFound("gone", { httpStatus: 404 }), ENDPOINT));
    expect(error).toMatchObject({
      code: "ERR_NOT_FOUND",
      endpoint: ENDPOINT,
      httpStatus: 404,
      message: "gone",
    });
  });

  it("names the endpoint by its origin, whichever host failed on its behalf", () => {
    const error = new ErrUnauthenticated("no", { endpoint: "https://token.example/path" });
    expect(findError(blamed(error, ENDPOINT))).toMatchObject({ endpoint: ENDPOINT, cause: error });
  });

  it("leaves an error as it is that names the endpoint already", () => {
    const error = new ErrNotFound("gone", { endpoint: ENDPOINT });
    expect(blamed(error, ENDPOINT)).toBe(error);
  });

  it.each([
    ["the end of the caller's signal", new ErrCanceled("canceled")],
    ["the caller's deadline", new ErrDeadlineExceeded("too late")],
    ["a defect", new TypeError("undefined is not a function")],
  ])("blames nobody for %s", (_, error) => {
    expect(blamed(error, ENDPOINT)).toBe(error);
  });
});

describe("blaming()", () => {
  it("gives what the work gives, and blames the endpoint for what it throws", async () => {
    expect(await blaming(ENDPOINT, async () => 1)).toBe(1);
    const failure = blaming(ENDPOINT, async () => {
      throw new ErrNotFound("gone");
    });
    await expect(failure).rejects.toMatchObject({ endpoint: ENDPOINT });
  });
});
