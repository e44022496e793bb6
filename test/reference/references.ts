import fc from "fast-check";
import { expect } from "vitest";
import { ErrInvalidArgument } from "../../src/errors/classes.ts";

const LOWER = characters("abcxyz0189");
const ALPHANUMERIC = characters("abcXYZ0189");

/** What a call refuses its argument with. */
export function refusal(call: () => unknown): ErrInvalidArgument {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(ErrInvalidArgument);
    return error as ErrInvalidArgument;
  }
  throw new Error("nothing was refused");
}

/** One of the characters of a text. */
export function characters(text: string): fc.Arbitrary<string> {
  return fc.constantFrom(...Array.from(text));
}

function word(unit: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit, minLength: 1, maxLength });
}

function joined(part: fc.Arbitrary<string>, separator: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(part, fc.array(fc.tuple(separator, part), { maxLength: 3 }))
    .map(([first, rest]) => first + rest.flat().join(""));
}

const component = joined(word(LOWER, 6), fc.constantFrom(".", "_", "__", "-", "---"));
const label = joined(word(ALPHANUMERIC, 6), fc.constantFrom("-", "--"));
const hostname = joined(label, fc.constant("."));
const ipv6 = fc
  .ipV6()
  .filter((address) => !address.includes("."))
  .map((address) => `[${address}]`);
const port = fc.option(fc.nat(65_535), { nil: undefined });

/** Host with or without a port. */
const domain = fc
  .tuple(fc.oneof(hostname, ipv6), port)
  .map(([host, number]) => (number === undefined ? host : `${host}:${number}`));

const tag = fc
  .tuple(characters("_aZ0"), fc.string({ unit: characters("_aZ0.-"), maxLength: 127 }))
  .map(([first, rest]) => first + rest);

function hex(length: number): fc.Arbitrary<string> {
  return fc.string({ unit: characters("0123456789abcdef"), minLength: length, maxLength: length });
}

const digest = fc.oneof(
  hex(64).map((text) => `sha256:${text}`),
  hex(96).map((text) => `sha384:${text}`),
  hex(128).map((text) => `sha512:${text}`),
);

/** A path of a repository. */
export const path: fc.Arbitrary<string> = joined(component, fc.constant("/")).filter(
  (text) => text.length <= 255,
);

const suffix = fc
  .tuple(fc.option(tag, { nil: undefined }), fc.option(digest, { nil: undefined }))
  .map(([tag, digest]) => (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`));

/** Every form that the grammar knows. */
export const strictReference: fc.Arbitrary<string> = fc
  .tuple(fc.option(domain, { nil: undefined }), path, suffix)
  .map(([domain, path, suffix]) => (domain === undefined ? "" : `${domain}/`) + path + suffix);

/** What people type: mostly without a domain, or with one that docker knows specially. */
export const typedReference: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(
      "",
      "",
      "library/",
      "docker.io/",
      "docker.io/library/",
      "index.docker.io/",
      "localhost/",
      "h.example/",
    ),
    fc.oneof(
      path,
      path.map((text) => `example.com/${text}`),
      hex(64),
      fc.constantFrom("localhost/x", "library/x"),
    ),
    suffix,
  )
  .map((parts) => parts.join(""));
