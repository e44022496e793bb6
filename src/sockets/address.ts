import { resolve } from "node:path";
import { ErrInvalidArgument } from "../errors/classes.ts";

/** Where a content service is: on a unix socket or on a TCP port. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/**
 * Reads `unix:///PATH` (taken as it is, without percent-decoding) or `tcp://HOST:PORT`. Throws `ErrInvalidArgument` for
 * anything else.
 */
export function parseAddress(text: string): Address {
  if (/^unix:\/\/\/./s.test(text) && !text.includes("\0")) {
    return { kind: "unix", path: resolve(text.slice("unix://".length)) };
  }
  const [, host, port] = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^\s/:@[\]]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new ErrInvalidArgument(`parse address: got "${text}", want unix:///PATH or tcp://HOST:PORT`);
  }
  return { kind: "tcp", host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** The address in the form that `parseAddress` reads. */
export function formatAddress(address: Address): string {
  return address.kind === "unix" ? `unix://${address.path}` : `tcp://${formatHostPort(address)}`;
}

/** What a service is told that it is called by, as the `:authority` of a request. */
export function authorityOf(address: Address): string {
  return address.kind === "unix" ? "localhost" : formatHostPort(address);
}

function formatHostPort({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
