import { describe, expect, it } from "vitest";
import { message, update } from "../../src/progress/progress.ts";

describe("message()", () => {
  it("is a line about an object", () => {
    expect(message("7", "Pulling from library/redis")).toEqual({
      kind: "message",
      id: "7",
      message: "Pulling from library/redis",
    });
  });
});

describe("update()", () => {
  it("tells how far an object has come", () => {
    expect(update("0123456789ab", "Downloading", 10, 20)).toEqual({
      kind: "update",
      id: "0123456789ab",
      phase: "downloading",
      action: "Downloading",
      currentBytes: 10,
      totalBytes: 20,
    });
  });
});
