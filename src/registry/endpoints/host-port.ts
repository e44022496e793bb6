import { ErrInvalidArgument } from "../../errors/classes.ts";
import { withoutUserInfo } from "../../errors/redact-url.ts";
import { addressFamily } from "../http/address-family.ts";

/** A registry host as people write it, taken apart. */
export type HostPort = {
  /** Lower-case name or address; an IPv6 address in its shortest form and without brackets. */
  readonly hostname: string;
  /** As written; `undefined` when the text has none. */
  readonly port: string | undefined;
};

const BRACKETED = /^\[([^\]]*)\](?::(\d*))?$/;
const PLAIN = /^([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)(?::(\d*))?$/i;
const MAX_PORT = 65_535;

/**
 * `text` (a host name, an IPv4 address, an IPv6 address with or without brackets; then perhaps a port) in its parts.
 * Labels neither begin nor end with a hyphen. Throws `ErrInvalidArgument` that says which part is wrong.
 */
export function parseHostPort(text: string): HostPort {
  const bracketed = BRACKETED.exec(text);
  const match = bracketed ?? PLAIN.exec(text);
  if (!match && addressFamily(text) === 6) return { hostname: shortIpv6(text), port: undefined };
  const hostname = match?.[1] ?? "";
  const valid = bracketed ? addressFamily(hostname) === 6 : match !== null && !hasBadLabel(hostname);
  if (!valid) throw invalidHost(text);
  const port = match?.[2];
  if (port !== undefined && !isPort(port))
    throw new ErrInvalidArgument(`invalid port ${JSON.stringify(port)}`);
  return { hostname: bracketed ? shortIpv6(hostname) : hostname.toLowerCase(), port };
}

/** One spelling per host: equal hosts give equal texts. The port stays as it was written, and is never guessed. */
export function formatHostPort({ hostname, port }: HostPort): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return port === undefined ? host : `${host}:${port}`;
}

function invalidHost(text: string): ErrInvalidArgument {
  const host = withoutUserInfo(text);
  const reason = host === text ? "" : ": user name and password are not allowed";
  return new ErrInvalidArgument(`invalid host ${JSON.stringify(host)}${reason}`);
}

function hasBadLabel(hostname: string): boolean {
  return hostname.split(".").some((label) => label === "" || label.startsWith("-") || label.endsWith("-"));
}

function isPort(text: string): boolean {
  return text !== "" && Number(text) <= MAX_PORT;
}

function shortIpv6(address: string): string {
  // A zone (fe80::1%eth0) is no part of a URL's host, so it stays as it is and matches only itself.
  if (address.includes("%")) return address.toLowerCase();
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
