import { describe, expect, it } from "vitest";
import { toDockerMessage } from "../../src/progress/docker-message.ts";
import { message, update, waitingFor } from "../../src/progress/progress.ts";

describe("toDockerMessage()", () => {
  it("gives a line about everything no id", () => {
    expect(toDockerMessage(message("", "Digest: x"))).toStrictEqual({ status: "Digest: x" });
  });

  it("gives a line about one object its id", () => {
    expect(toDockerMessage(message("v1", "Pulling from a"))).toStrictEqual({
      status: "Pulling from a",
      id: "v1",
    });
  });

  it("tells an update without bytes by an empty detail", () => {
    expect(toDockerMessage(update("a", "Waiting", 0, 0))).toStrictEqual({
      status: "Waiting",
      progressDetail: {},
      id: "a",
    });
  });

  it("leaves out what is not known of the bytes", () => {
    expect(toDockerMessage(update("a", "Downloading", 0, 7))?.progressDetail).toStrictEqual({ total: 7 });
    expect(toDockerMessage(update("a", "Downloading", 5, 0))?.progressDetail).toStrictEqual({ current: 5 });
  });

  it("tells a wait in words, and nothing of plans", () => {
    const wait = waitingFor("a", { code: "retry", words: "Retrying in 2 seconds", waitMs: 2_000 });
    expect(toDockerMessage(wait)).toStrictEqual({
      status: "Retrying in 2 seconds",
      progressDetail: {},
      id: "a",
    });
    expect(toDockerMessage({ kind: "plan", contents: [], totalBytes: 0, bytesHere: 0 })).toBeUndefined();
  });

  it("tells entries beside bytes", () => {
    const progress = { ...update("a", "Extracting", 5, 7), entries: 3 };
    expect(toDockerMessage(progress)?.progressDetail).toStrictEqual({ current: 5, total: 7, entries: 3 });
  });
});
