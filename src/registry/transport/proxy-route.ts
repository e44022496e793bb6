import { BlockList, isIP, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { addNetwork, isInNetworks, LOOPBACK } from "../http/ip-networks.ts";
import type { ProxyOptions } from "./connection-options.ts";

/** A proxy, read from its URL. */
export interface ProxyServer {
  /** Scheme, host and port, for messages. */
  readonly origin: string;
  readonly address: { readonly secure: boolean; readonly hostname: string; readonly port: number };
  /** Value of `proxy-authorization`, when the URL held a user. */
  readonly authorization: string | undefined;
}

/** Finds the proxy that a request to an URL goes through; `undefined` to reach its host directly. */
export type ProxyFor = (url: URL) => ProxyServer | undefined;

/**
 * Reads `options` by the rules of Go's `httpproxy`, which docker and containerd follow. Throws `ErrInvalidArgument` for a
 * proxy that is neither an http or https URL nor a host with a port.
 */
export function proxyRoutes(options: ProxyOptions = {}): ProxyFor {
  const http = parseProxy("httpProxy", options.httpProxy);
  const https = parseProxy("httpsProxy", options.httpsProxy);
  const hosts = hostProxies(options.hosts ?? {});
  if (!http && !https && hosts.size === 0) return () => undefined;
  const isDirect = noProxyRules(options.noProxy ?? "");
  return (url) => {
    const host = bareHost(url);
    const own = hosts.get(`${host} ${portOf(url)}`) ?? hosts.get(host);
    if (own) return own === DIRECT ? undefined : own;
    const proxy = url.protocol === "https:" ? https : http;
    return proxy && !isDirect(host, portOf(url)) ? proxy : undefined;
  };
}

/** Says that a host is reached without any proxy. */
const DIRECT = "direct";

/** Proxies of single hosts, by host, or by host and port. */
function hostProxies(
  hosts: Readonly<Record<string, string>>,
): ReadonlyMap<string, ProxyServer | typeof DIRECT> {
  const found = new Map<string, ProxyServer | typeof DIRECT>();
  for (const [name, text] of Object.entries(hosts)) {
    const option = `hosts[${JSON.stringify(name)}]`;
    const key = hostKey(name);
    const proxy = text.trim() === DIRECT ? DIRECT : parseProxy(option, text);
    if (key === undefined || proxy === undefined) {
      throw new ErrInvalidArgument(
        `connection.proxy.${option}: wanted a host with its proxy, or "${DIRECT}"`,
      );
    }
    found.set(key, proxy);
  }
  return found;
}

function hostKey(name: string): string | undefined {
  const { name: host, port } = splitPort(name.trim().toLowerCase());
  const authority = isIPv6(host) ? `[${host}]` : host;
  if (host === "" || !URL.canParse(`http://${authority}`)) return undefined;
  const url = new URL(`http://${authority}`);
  if (url.host !== url.hostname || url.pathname !== "/" || url.username !== "") return undefined;
  return port === undefined ? bareHost(url) : `${bareHost(url)} ${port}`;
}

/** The port of an http or https URL, also when it goes without saying. */
export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}

/** Host of an URL, an IPv6 address without its brackets. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function parseProxy(name: string, text: string | undefined): ProxyServer | undefined {
  const given = text?.trim() ?? "";
  if (given === "") return undefined;
  const url = asUrl(given);
  const wanted = "an http or https URL, or host:port";
  if (!url || url.hostname === "") throw new ErrInvalidArgument(`connection.proxy.${name}: wanted ${wanted}`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ErrInvalidArgument(`connection.proxy.${name}: got scheme ${url.protocol}, wanted ${wanted}`);
  }
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

type HostTest = (host: string, port: number) => boolean;

function noProxyRules(list: string): HostTest {
  const entries = list.split(",").map((entry) => entry.trim().toLowerCase());
  const tests = entries.filter((entry) => entry !== "").map(noProxyRule);
  return (host, port) => {
    if (host === "localhost" || isInNetworks(LOOPBACK, host)) return true;
    return tests.some((test) => test(host, port));
  };
}

function noProxyRule(entry: string): HostTest {
  if (entry === "*") return () => true;
  const network = networkOf(entry);
  if (network) return (host) => isInNetworks(network, host);
  const { name, port: wantedPort } = splitPort(entry);
  const samePort = (port: number): boolean => wantedPort === undefined || wantedPort === port;
  if (isIP(name) !== 0) return (host, port) => samePort(port) && sameAddress(name, host);
  const suffix = inAscii(name.replace(/^\*(?=\.)/, ""));
  const dotted = suffix.startsWith(".") ? suffix : `.${suffix}`;
  return (host, port) => samePort(port) && (host === suffix || host.endsWith(dotted));
}

/** As the hosts of URLs are; what is no name stays, and matches nothing. */
function inAscii(suffix: string): string {
  const dot = suffix.startsWith(".") ? "." : "";
  const ascii = domainToASCII(suffix.slice(dot.length));
  return ascii === "" ? suffix : dot + ascii;
}

function splitPort(entry: string): { name: string; port: number | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined) return { name: entry, port: undefined }; // it is an IPv6 address without brackets
  return { name, port: port === undefined ? undefined : Number(port) };
}

function networkOf(entry: string): BlockList | undefined {
  const network = new BlockList();
  return addNetwork(network, entry) ? network : undefined;
}

function sameAddress(one: string, other: string): boolean {
  const family = isIP(one);
  if (family === 0) return false;
  const only = new BlockList();
  only.addAddress(one, family === 4 ? "ipv4" : "ipv6");
  return isInNetworks(only, other);
}
