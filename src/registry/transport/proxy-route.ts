import { BlockList } from "node:net";
import { domainToASCII } from "node:url";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import { addressFamily } from "../http/address-family.ts";
import { addNetwork, isInNetworks, LOOPBACK } from "../http/ip-networks.ts";
import { type ProxyServer, proxyServer } from "../http/proxy-server.ts";
import { bareHost, portOf } from "../http/url-address.ts";
import type { ConnectionOptions, ProxyOptions } from "./connection-options.ts";

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

/**
 * What tells how requests go now. A source is asked for each of them: one that fails has them go as before, once it has said how.
 * Throws `ErrInvalidArgument` for proxies that are malformed; what is given here rejects with that, and with the source's failure.
 */
export function proxyRoutesNow(proxy: ConnectionOptions["proxy"]): () => ProxyFor | Promise<ProxyFor> {
  if (typeof proxy !== "function") {
    const fixed = proxyRoutes(proxy);
    return () => fixed;
  }
  let last: { readonly options: ProxyOptions | undefined; readonly routes: ProxyFor } | undefined;
  return async () => {
    try {
      const options = await proxy();
      if (!last || last.options !== options) last = { options, routes: proxyRoutes(options) };
    } catch (error) {
      if (!last) throw error;
    }
    return last.routes;
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
  const authority = addressFamily(host) === 6 ? `[${host}]` : host;
  if (host === "" || !URL.canParse(`http://${authority}`)) return undefined;
  const url = new URL(`http://${authority}`);
  if (url.host !== url.hostname || url.pathname !== "/" || url.username !== "") return undefined;
  return port === undefined ? bareHost(url) : `${bareHost(url)} ${port}`;
}

function parseProxy(name: string, text: string | undefined): ProxyServer | undefined {
  try {
    return proxyServer(text ?? "");
  } catch (cause) {
    throw new ErrInvalidArgument(`connection.proxy.${name}: ${(cause as Error).message}`);
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
  if (addressFamily(name) !== 0) return (host, port) => samePort(port) && sameAddress(name, host);
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
  const family = addressFamily(one);
  if (family === 0) return false;
  const only = new BlockList();
  only.addAddress(one, family === 4 ? "ipv4" : "ipv6");
  return isInNetworks(only, other);
}
