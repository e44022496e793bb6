import { ErrInvalidArgument } from "../../errors/classes.ts";
import { bareHost, portOf } from "./url-address.ts";

/** A proxy, read from its URL. */
export interface ProxyServer {
  /** Scheme, host and port, for messages. */
  readonly origin: string;
  readonly address: { readonly secure: boolean; readonly hostname: string; readonly port: number };
  /** Value of `proxy-authorization`, when the URL held a user. */
  readonly authorization: string | undefined;
}

/**
 * The proxy that a text names, `undefined` for a blank one. Throws `ErrInvalidArgument`, without the text, for what is neither an
 * http or https URL nor a host with a port.
 */
export function proxyServer(text: string): ProxyServer | undefined {
  const given = text.trim();
  if (given === "") return undefined;
  const url = asUrl(given);
  const wanted = "wanted an http or https URL, or host:port";
  if (!url || url.hostname === "") throw new ErrInvalidArgument(wanted);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new ErrInvalidArgument(`got scheme ${url.protocol}, ${wanted}`);
  return {
    origin: url.origin,
    address: { secure: url.protocol === "https:", hostname: bareHost(url), port: portOf(url) },
    authorization: basicOf(url),
  };
}

/** A text without a scheme is a host, as in Go and curl; `host:3128` alone would be an URL of the scheme `host:`. */
function asUrl(text: string): URL | undefined {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  return URL.canParse(withScheme) ? new URL(withScheme) : undefined;
}

function basicOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const pair = `${decoded(username)}:${decoded(password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign stands for itself
  }
}
