import type { ProxyOptions } from "./connection-options.ts";

/**
 * The proxies that an environment names, as Go's `httpproxy` reads it: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or the
 * same in small letters. `undefined` when it names none. drayage itself never looks at the environment; give it `process.env`.
 * In a CGI program (`REQUEST_METHOD` is set) a request's header could be `HTTP_PROXY`, so that one does not count.
 */
export function proxyFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): ProxyOptions | undefined {
  const value = (name: string): string | undefined =>
    environment[name] || environment[name.toLowerCase()] || undefined;
  const httpProxy = environment["REQUEST_METHOD"] ? undefined : value("HTTP_PROXY");
  const httpsProxy = value("HTTPS_PROXY");
  return httpProxy || httpsProxy ? { httpProxy, httpsProxy, noProxy: value("NO_PROXY") } : undefined;
}
