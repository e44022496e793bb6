import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ErrNoSupport, ErrNotFound, ErrUnavailable, ErrUnknown } from "../../src/errors/classes.ts";
import { fromGrpc, toGrpc } from "../../src/errors/grpc.ts";
import { CLASSES } from "./error-classes.ts";

const ON_THE_WIRE = CLASSES.filter(({ name }) => name !== "ErrNoSupport");

/** The words of containerd's errdefs per gRPC code. */
const TEXTS = [
  "",
  "context canceled",
  "unknown",
  "invalid argument",
  "context deadline exceeded",
  "not found",
  "already exists",
  "permission denied",
  "resource exhausted",
  "failed precondition",
  "aborted",
  "out of range",
  "not implemented",
  "internal",
  "unavailable",
  "data loss",
  "unauthorized",
];

describe("toGrpc()", () => {
  it.each(CLASSES)("gives $name the code $grpc", ({ make, grpc }) => {
    expect(toGrpc(new make("read blob")).code).toBe(grpc);
  });

  it.each(ON_THE_WIRE.filter(({ name }) => name !== "ErrUnknown"))(
    "ends the message of $name with the words of its class, once",
    ({ make, grpc }) => {
      const text = TEXTS[grpc];
      expect(toGrpc(new make("read blob")).details).toBe(`read blob: ${text}`);
      expect(toGrpc(new make(`read blob: ${text}`)).details).toBe(`read blob: ${text}`);
      expect(toGrpc(new make(`${text}`)).details).toBe(text);
      expect(toGrpc(new make("")).details).toBe(text);
    },
  );

  it("leaves the message of an unknown error alone", () => {
    expect(toGrpc(new ErrUnknown("it broke"))).toEqual({ code: 2, details: "it broke" });
    expect(toGrpc(new TypeError("it broke"))).toEqual({ code: 2, details: "it broke" });
    expect(toGrpc("it broke")).toEqual({ code: 2, details: "it broke" });
  });

  it("takes the class from within and the message from outside", () => {
    const error = new Error("pull redis: read blob", { cause: new ErrNotFound("read blob") });
    expect(toGrpc(error)).toEqual({ code: 5, details: "pull redis: read blob: not found" });
  });

  it("says of ErrNoSupport that it is not implemented", () => {
    expect(toGrpc(new ErrNoSupport("v1"))).toEqual({ code: 12, details: "v1: not implemented" });
  });
});

describe("fromGrpc()", () => {
  it.each(ON_THE_WIRE)("gives the code $grpc the class $name", ({ make, grpc }) => {
    const error = fromGrpc({ code: grpc, details: `read blob: ${TEXTS[grpc]}` });
    expect(error).toBeInstanceOf(make);
    expect(error.message).toBe("read blob");
  });

  it("takes the words of the class off once only", () => {
    expect(fromGrpc({ code: 5, details: "a: not found: not found" }).message).toBe("a: not found");
    expect(fromGrpc({ code: 5, details: "not found" }).message).toBe("not found");
    expect(fromGrpc({ code: 5, details: "a: unavailable" }).message).toBe("a: unavailable");
  });

  it.each([0, -1, 17, 2.5, Number.NaN])("gives ErrUnknown for the code %s", (code) => {
    const error = fromGrpc({ code, details: "it broke" });
    expect(error).toBeInstanceOf(ErrUnknown);
    expect(error.message).toBe("it broke");
  });
});

describe("an error that travels through several services", () => {
  it("keeps class and text however often it is passed on", () => {
    const word = fc.constantFrom("read blob", "not found", "unavailable", ": ", "unknown");
    const message = fc.array(word, { maxLength: 5 }).map((words) => words.join(": "));
    fc.assert(
      fc.property(message, fc.constantFrom(...ON_THE_WIRE), (message, { make, grpc }) => {
        const first = toGrpc(new make(message));
        let status = first;
        for (let hop = 0; hop < 3; hop++) {
          const error = fromGrpc(status);
          expect(error).toBeInstanceOf(make);
          status = toGrpc(error);
        }
        expect(first.code).toBe(grpc);
        expect(status.code).toBe(grpc);
        expect(status.details.length).toBeLessThanOrEqual(first.details.length);
        if (grpc !== 2) expect(status).toEqual(first);
      }),
    );
  });

  it("says the class once, also where it was said several times", () => {
    expect(toGrpc(new ErrUnavailable("unavailable: unavailable")).details).toBe("unavailable");
    expect(toGrpc(new ErrUnavailable("lock: unavailable: unavailable")).details).toBe("lock: unavailable");
  });

  it("is still found by what the caller asks for", () => {
    expect(fromGrpc(toGrpc(new ErrUnavailable("lock ref")))).toBeInstanceOf(ErrUnavailable);
  });
});
