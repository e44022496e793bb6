import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";

/** A key and its certificate, both PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  /** Those of authorities between it and the one that is to be trusted come behind it. */
  readonly cert: string;
}

/** From when to when a certificate is good. */
export interface Validity {
  /**
   * When it begins to be valid.
   * @defaultValue the beginning of 2020
   * @example validFrom: new Date("2030-01-01")
   */
  readonly validFrom?: Date | undefined;
  /**
   * When it is valid no longer.
   * @defaultValue the end of 2049
   * @example validTo: new Date("2021-01-01")
   */
  readonly validTo?: Date | undefined;
}

/** Somebody with a fresh key, about whom a certificate can be made, and who can sign one. */
export interface Party {
  /** Encoded. */
  readonly name: Buffer;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** What a certificate says. */
interface Statement extends Validity {
  /** Names and addresses. */
  readonly hosts?: readonly string[] | undefined;
  /** Whether it may vouch for others. */
  readonly isAuthority: boolean;
}

/** Object identifiers, encoded: ecdsa-with-SHA256, commonName, subjectAltName, basicConstraints. */
const ECDSA_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");
const SUBJECT_ALT_NAME = Buffer.from("0603551d11", "hex");
const BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");

const TRUE = Buffer.from([0xff]);

/** A party of that common name, with a fresh P-256 key. */
export function party(commonName: string): Party {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(commonName)))));
  return { name, publicKey, privateKey };
}

/** The private key of a party, PEM. */
export function keyOf({ privateKey }: Party): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** A certificate (RFC 5280) about `subject`, signed by `issuer`, PEM. */
export function certificateOf(subject: Party, issuer: Party, statement: Statement): string {
  const { hosts = [], isAuthority, validFrom, validTo } = statement;
  const extensions = [
    ...(hosts.length > 0 ? [alternativeNames(hosts)] : []),
    extension(BASIC_CONSTRAINTS, isAuthority ? sequence(tlv(0x01, TRUE)) : sequence()),
  ];
  const toSign = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])), // serial number, kept positive
    sequence(ECDSA_SHA256),
    issuer.name,
    sequence(
      time(validFrom ?? new Date("2020-01-01T00:00:00Z")),
      time(validTo ?? new Date("2049-12-31T23:59:59Z")),
    ),
    subject.name,
    subject.publicKey.export({ type: "spki", format: "der" }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", toSign, issuer.privateKey);
  const der = sequence(toSign, sequence(ECDSA_SHA256), tlv(0x03, Buffer.from([0]), signature));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function alternativeNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) =>
    isIP(host) === 0 ? tlv(0x82, Buffer.from(host)) : tlv(0x87, addressBytes(host)),
  );
  return extension(SUBJECT_ALT_NAME, sequence(...names));
}

/** The four or sixteen bytes of an address, whose colons may stand for zeros. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = [], tail] = address.split("::").map((part) => part.split(":").filter((word) => word !== ""));
  const words = tail ? [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail] : head;
  return Buffer.from(words.map((word) => word.padStart(4, "0")).join(""), "hex");
}

function extension(name: Uint8Array, value: Uint8Array): Buffer {
  return sequence(name, tlv(0x04, value));
}

/** UTCTime, which ends with 2049. */
function time(date: Date): Buffer {
  return tlv(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-T:]/g, "")}Z`));
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...parts);
}

/** One DER element: tag, length, value (X.690 section 8.1). */
function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const { byteLength: length } = value;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), value]);
}
