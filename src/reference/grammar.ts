/**
 * Longest text that is looked at, in characters. The longest reference that can name anything is below 800: a host name
 * of 253 with its port, a path of 255, a tag of 128 and a sha512 digest of 135.
 */
export const MAX_REFERENCE_LENGTH = 4096;

/** Longest path of a repository, in characters; the domain does not count. */
export const MAX_PATH_LENGTH = 255;

// No two neighbours below can match the same character, so there is one way at most to read any text: a mismatch costs
// linear time although the engine backtracks.
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = `${COMPONENT}(?:/${COMPONENT})*`;
const LABEL = "[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*";
const IPV6 = "\\[[a-fA-F0-9:]+\\]";
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})*|${IPV6})(?::[0-9]+)?`;
const NAME = `(?:(?<domain>${DOMAIN})/)?(?<path>${PATH})`;
const TAG_TEXT = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";

/** `[domain/]path[:tag][@digest]`; the digest is only known to look like one. */
export const REFERENCE: RegExp = new RegExp(`^${NAME}(?::(?<tag>${TAG_TEXT}))?(?:@(?<digest>${DIGEST}))?$`);

/** `[domain/]path` */
export const REPOSITORY_NAME: RegExp = new RegExp(`^${NAME}$`);

/** A tag alone. */
export const TAG: RegExp = new RegExp(`^${TAG_TEXT}$`);

/** The hexadecimal part of a sha256 digest, as docker accepts it in place of an image's name. */
export const IDENTIFIER: RegExp = /^[a-f0-9]{64}$/;
