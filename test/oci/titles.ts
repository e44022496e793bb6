import fc from "fast-check";

/** What a hostile title may be made of. */
const pieces = fc.oneof(
  fc.constantFrom(
    "..",
    ".",
    "",
    "/",
    "\\",
    "\0",
    "C:",
    "~",
    "%2e%2e",
    "．．",
    "..%00",
    "link",
    "file",
    "a",
    "NUL",
  ),
  fc.string({ maxLength: 6 }),
  fc.string({ unit: "binary", maxLength: 4 }),
);

/** Titles, most of which no file should have. */
export const anyTitle: fc.Arbitrary<string> = fc
  .tuple(fc.array(pieces, { maxLength: 8 }), fc.constantFrom("/", "/", "", "\\"))
  .map(([parts, separator]) => parts.join(separator));
