import { eitherOf, listOf, objectOf, type RulesOf, recordOf } from "../../options/rule.ts";
import { aBoolean, aFunction, aString, aTimeout, wholeNumberFrom } from "../../options/rules.ts";
import type { OwnSend } from "./own-send.ts";

/** Longest time until a connection stands, proxy and TLS included (moby's dialer: 30 s). */
export const CONNECT_TIMEOUT_MS = 30_000;

/** Longest wait for the headers of an answer; registries that look into their storage first take a few seconds. */
export const HEADERS_TIMEOUT_MS = 30_000;

/** Longest wait for the answer to the last request of an upload: a registry on an object store copies the whole blob first. */
export const STORE_TIMEOUT_MS = 300_000;

/** Longest silence inside a body, sent or received, before the connection counts as dead. */
export const BODY_IDLE_TIMEOUT_MS = 30_000;

/**
 * Longest time for a document (a manifest, a list, a token) from its headers to its last byte: the largest manifest over a
 * line of 70 kB/s.
 */
export const DOCUMENT_TIMEOUT_MS = 60_000;

/** Slowest body that is worth waiting for, in bytes per second: a layer of 100 MB takes more than a day at this rate. */
export const MIN_BYTES_PER_SECOND = 1_024;

/** Sockets open to one host at once: enough for any line, and few enough for a registry behind one address. */
export const MAX_SOCKETS_PER_HOST = 32;

/** Sockets open at once over all hosts: half of what the smallest usual limit of open files (256) allows. */
export const MAX_SOCKETS = 128;

/** Proxies by the scheme of the request, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them. */
export interface ProxyOptions {
  /**
   * The proxy of requests by HTTP: an URL, or host and port; may hold user and password.
   * @defaultValue none
   * @example httpProxy: "http://proxy.internal:3128"
   */
  readonly httpProxy?: string | undefined;
  /**
   * The proxy of requests by HTTPS, which go through a tunnel in it: as `httpProxy`.
   * @defaultValue none
   * @example httpsProxy: "http://proxy.internal:3128"
   */
  readonly httpsProxy?: string | undefined;
  /**
   * Hosts to reach directly, separated by commas, by Go's rules: `host`, `.domain`, `host:port`, an address, a CIDR, `*` for all.
   * Loopback is never asked for through a proxy.
   * @defaultValue none but loopback
   * @example noProxy: "registry.internal,.example.com,10.0.0.0/8"
   */
  readonly noProxy?: string | undefined;
  /**
   * Proxies of single hosts, by `host` or `host:port`, which win over everything above, also for loopback: an URL, or host and
   * port, or `direct` for none.
   * @defaultValue none
   * @example hosts: { "registry.internal:5000": "direct" }
   */
  readonly hosts?: Readonly<Record<string, string>> | undefined;
}

/** Says which proxies there are now; `undefined` for none. The same object means the same proxies. */
export type ProxySource = () => ProxyOptions | undefined | Promise<ProxyOptions | undefined>;

/** How connections are made, and how patient they are. Every field has a default. */
export interface ConnectionOptions {
  /**
   * Longest time until a connection stands, proxy and TLS included.
   * @defaultValue 30,000 (`CONNECT_TIMEOUT_MS`)
   * @example connectTimeoutMs: 10_000
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * Longest wait for the headers of an answer once the request is sent.
   * @defaultValue 30,000 (`HEADERS_TIMEOUT_MS`)
   * @avoid unless you know the registry: some look into a slow storage first
   * @example headersTimeoutMs: 60_000
   */
  readonly headersTimeoutMs?: number | undefined;
  /**
   * The same for the last request of an upload, which some registries answer only when they have copied the whole blob.
   * @defaultValue 300,000 (`STORE_TIMEOUT_MS`)
   * @example storeTimeoutMs: 900_000
   */
  readonly storeTimeoutMs?: number | undefined;
  /**
   * Longest silence inside a body, and the time over which `minBytesPerSecond` is measured.
   * @defaultValue 30,000 (`BODY_IDLE_TIMEOUT_MS`)
   * @example bodyIdleTimeoutMs: 60_000
   */
  readonly bodyIdleTimeoutMs?: number | undefined;
  /**
   * Longest time for a whole document, after its headers.
   * @defaultValue 60,000 (`DOCUMENT_TIMEOUT_MS`)
   * @example documentTimeoutMs: 120_000
   */
  readonly documentTimeoutMs?: number | undefined;
  /**
   * A body that comes slower is given up; 0 for never.
   * @defaultValue 1,024 (`MIN_BYTES_PER_SECOND`)
   * @avoid on lines that are shared by many: what waits for its turn is slow as well
   * @example minBytesPerSecond: 10_000
   */
  readonly minBytesPerSecond?: number | undefined;
  /**
   * Sockets open to one host at once; further requests wait their turn.
   * @unit sockets
   * @defaultValue 32 (`MAX_SOCKETS_PER_HOST`)
   * @example maxSocketsPerHost: 16
   */
  readonly maxSocketsPerHost?: number | undefined;
  /**
   * Sockets open at once over all hosts.
   * @unit sockets
   * @defaultValue 128 (`MAX_SOCKETS`)
   * @avoid beyond what the limit of open files allows
   * @example maxSockets: 64
   */
  readonly maxSockets?: number | undefined;
  /**
   * Where requests go through, see `proxyFromEnvironment`; a function is asked for each request.
   * @defaultValue no proxy; the environment is not looked at
   * @example proxy: proxyFromEnvironment(process.env)
   */
  readonly proxy?: ProxyOptions | ProxySource | undefined;
  /**
   * Authorities to trust beside Node's own and those of an endpoint, PEM; a function is called once, before the first TLS
   * connection. See `systemCertificates`.
   * @defaultValue Node's own
   * @example authorities: () => systemCertificates({ environment: process.env })
   */
  readonly authorities?: readonly string[] | (() => readonly string[]) | undefined;
  /**
   * Whether requests for small blobs may share connections, of hosts that bear it, when there are no more of these. `false` sends no request
   * over a connection before the one before is answered, as it is always through a proxy of HTTP.
   * @defaultValue `true`
   * @avoid as `false` unless a middlebox is known not to bear it: what goes wrong is noticed, and asked for once more
   * @example pipelining: false
   */
  readonly pipelining?: boolean | undefined;
  /**
   * Whether received chunks share memory, which is written again once a chunk has been taken. `false` gives each one memory of
   * its own, at twice the CPU time, as it is always in a proxy's tunnel.
   * @defaultValue `true`
   * @avoid as `false` unless a program around drayage keeps chunks
   * @example reuseBuffers: false
   */
  readonly reuseBuffers?: boolean | undefined;
  /**
   * Sends every request in our place, see `OwnSend`: through another client, a service mesh, a recorder. Ours stay credentials, redirects,
   * retries, the limits of time and rate, and how many requests a host is sent at once (`maxSocketsPerHost`, `maxSockets`). Proxies,
   * `authorities`, `reuseBuffers` and threads that receive blobs are not used then.
   * @defaultValue requests go over connections of our own
   * @example send: ({ url, ...request }) => fetch(url, { ...request, redirect: "manual", duplex: "half" })
   * @avoid where a proxy would do: through `fetch` a blob takes about three times the CPU time that it takes over our own connections
   */
  readonly send?: OwnSend | undefined;
}

/** The numbers of `ConnectionOptions`, all of them decided. */
export interface ConnectionLimits {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly storeTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly documentTimeoutMs: number;
  readonly minBytesPerSecond: number;
  readonly maxSocketsPerHost: number;
  readonly maxSockets: number;
}

const DEFAULTS: ConnectionLimits = {
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
  headersTimeoutMs: HEADERS_TIMEOUT_MS,
  storeTimeoutMs: STORE_TIMEOUT_MS,
  bodyIdleTimeoutMs: BODY_IDLE_TIMEOUT_MS,
  documentTimeoutMs: DOCUMENT_TIMEOUT_MS,
  minBytesPerSecond: MIN_BYTES_PER_SECOND,
  maxSocketsPerHost: MAX_SOCKETS_PER_HOST,
  maxSockets: MAX_SOCKETS,
};

/** The rules of `ConnectionOptions`. */
export const CONNECTION_OPTIONS: RulesOf<ConnectionOptions> = {
  connectTimeoutMs: aTimeout,
  headersTimeoutMs: aTimeout,
  storeTimeoutMs: aTimeout,
  bodyIdleTimeoutMs: aTimeout,
  documentTimeoutMs: aTimeout,
  minBytesPerSecond: wholeNumberFrom(0),
  maxSocketsPerHost: wholeNumberFrom(1),
  maxSockets: wholeNumberFrom(1),
  proxy: eitherOf(
    aFunction,
    objectOf<ProxyOptions>({
      httpProxy: aString,
      httpsProxy: aString,
      noProxy: aString,
      hosts: recordOf(aString),
    }),
  ),
  authorities: eitherOf(aFunction, listOf(aString)),
  pipelining: aBoolean,
  reuseBuffers: aBoolean,
  send: aFunction,
};

/** The limits in force. */
export function connectionLimits(options: ConnectionOptions): ConnectionLimits {
  const given = Object.keys(DEFAULTS).map((name) => {
    const key = name as keyof ConnectionLimits;
    return [key, options[key] ?? DEFAULTS[key]] as const;
  });
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}
