import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { Resolutions } from "../../src/remotes/resolutions.ts";

const DOCUMENT: Descriptor = { mediaType: "application/json", digest: digestOf("{}"), size: 2, data: "e30=" };

describe("Resolutions", () => {
  it("show a document that is being brought to those who come too late to join, until it is here", async () => {
    const resolutions = new Resolutions();
    const answer = Promise.withResolvers<Descriptor>();
    const brought = resolutions.bring("key", "source", () => answer.promise);
    const coming = resolutions.coming("key");
    expect(coming).toEqual({ resolved: undefined });
    expect(resolutions.coming("another")).toBeUndefined();
    expect(resolutions.hasDocument("source")).toBe(false);

    answer.resolve(DOCUMENT);
    expect(await brought).toBe(DOCUMENT);
    expect(coming).toEqual({ resolved: DOCUMENT });
    expect(resolutions.coming("key")).toBeUndefined();
    expect(resolutions.hasDocument("source")).toBe(true);
  });

  it("forget a document that cannot be had", async () => {
    const resolutions = new Resolutions();
    const refused = new Error("refused");
    await expect(resolutions.bring("key", "source", () => Promise.reject(refused))).rejects.toBe(refused);
    expect(resolutions.coming("key")).toBeUndefined();
    expect(resolutions.hasDocument("source")).toBe(false);
  });
});
