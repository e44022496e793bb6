import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { GuardedEvents } from "../../src/images/guarded-events.ts";
import type { ImageEvent, ImageEvents } from "../../src/images/image-store.ts";

const DIGEST = digestOf(Buffer.from("app"));
const EVENT: ImageEvent = {
  name: "docker.io/library/app:v1",
  digest: DIGEST,
  target: { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: DIGEST, size: 3 },
  previous: undefined,
  cause: "tag",
};

function open(): { events: GuardedEvents<ImageEvents>; failures: unknown[]; heard: unknown[] } {
  const failures: unknown[] = [];
  return { events: new GuardedEvents((error) => failures.push(error)), failures, heard: [] };
}

describe("GuardedEvents", () => {
  it("reports what listeners throw and reject with, and lets the others hear", async () => {
    const { events, failures, heard } = open();
    const [thrown, rejected] = [new TypeError("thrown"), new TypeError("rejected")];
    events.on("tag", () => {
      throw thrown;
    });
    const rejecting: () => unknown = () => Promise.reject(rejected);
    events.addListener("tag", rejecting);
    events.once("tag", (event) => heard.push(event));
    expect(events.emit("tag", EVENT)).toBe(true);
    await new Promise(setImmediate);
    expect(failures).toEqual([thrown, rejected]);
    expect(heard).toEqual([EVENT]);
    expect(events.emit("tag", EVENT)).toBe(true);
    expect(heard).toHaveLength(1);
  });

  it("takes listeners off, lists them and gives them their context, as any emitter", () => {
    const { events, heard } = open();
    const context = {
      hear(this: unknown) {
        heard.push(this);
      },
    };
    events.on("tag", context.hear, context);
    expect(events.listeners("tag")).toEqual([context.hear]);
    events.emit("tag", EVENT);
    expect(heard).toEqual([context]);
    events.off("tag", context.hear);
    expect(events.listenerCount("tag")).toBe(0);
    events.on("tag", context.hear).removeListener("tag");
    expect(events.emit("tag", EVENT)).toBe(false);
  });
});
