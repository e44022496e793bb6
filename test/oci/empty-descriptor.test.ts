import { describe, expect, it } from "vitest";
import { EMPTY_DESCRIPTOR, EMPTY_JSON } from "../../src/oci/empty-descriptor.ts";

describe("EMPTY_DESCRIPTOR", () => {
  it("is the one that the image-spec prints", () => {
    expect(EMPTY_DESCRIPTOR).toEqual({
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      size: 2,
      data: "e30=",
    });
  });

  it("points at the bytes of EMPTY_JSON", () => {
    expect(EMPTY_JSON).toBe("{}");
  });
});
