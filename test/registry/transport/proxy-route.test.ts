import { describe, expect, it } from "vitest";
import { proxyFromEnvironment } from "../../../src/registry/transport/proxy-from-environment.ts";
import { proxyRoutes } from "../../../src/registry/transport/proxy-route.ts";

describe("proxyRoutes()", () => {
  // The rows of the table follow the documentation of golang.org/x/net/http/httpproxy.
  it.each([
    ["", "http://registry.test", "proxied"],
    ["*", "http://registry.test", "direct"],
    ["registry.test", "http://registry.test", "direct"],
    ["registry.test", "http://REGISTRY.test:5000", "direct"],
    ["registry.test", "http://sub.registry.test", "direct"],
    ["registry.test", "http://otherregistry.test", "proxied"],
    [".registry.test", "http://registry.test", "proxied"],
    [".registry.test", "http://sub.registry.test", "direct"],
    ["*.registry.test", "http://sub.registry.test", "direct"],
    ["*.registry.test", "http://registry.test", "proxied"],
    ["registry.test:5000", "http://registry.test:5000", "direct"],
    ["registry.test:5000", "http://registry.test", "proxied"],
    ["registry.test:80", "http://registry.test", "direct"],
    ["10.0.0.1", "http://10.0.0.1:5000", "direct"],
    ["10.0.0.1:5000", "http://10.0.0.1:80", "proxied"],
    ["10.0.0.0/8", "http://10.1.2.3", "direct"],
    ["10.0.0.0/8", "http://11.1.2.3", "proxied"],
    ["fd00::/8", "http://[fd00::5]:5000", "direct"],
    ["fd00::5", "http://[fd00::5]", "direct"],
    ["[fd00::5]:443", "http://[fd00::5]:80", "proxied"],
    ["bücher.test", "http://bücher.test", "direct"],
    [".bücher.test", "http://sub.bücher.test", "direct"],
    ["xn--bcher-kva.test", "http://bücher.test", "direct"],
    [" a.test , , registry.test ", "http://registry.test", "direct"],
    ["", "http://localhost", "direct"],
    ["", "http://127.5.5.5:5000", "direct"],
    ["", "http://[::1]:5000", "direct"],
  ])("with NO_PROXY %j reaches %s %s", (noProxy, url, expected) => {
    const proxyFor = proxyRoutes({ httpProxy: "proxy.test:3128", noProxy });
    expect(proxyFor(new URL(url)) ? "proxied" : "direct").toBe(expected);
  });

  it.each([
    ["proxy.test:3128", "http://proxy.test:3128", 3128],
    ["proxy.test", "http://proxy.test", 80],
    ["https://proxy.test", "https://proxy.test", 443],
    [" http://proxy.test:8080/ ", "http://proxy.test:8080", 8080],
    ["[fd00::1]:3128", "http://[fd00::1]:3128", 3128],
  ])("takes the proxy %j", (httpProxy, origin, port) => {
    const proxy = proxyRoutes({ httpProxy })(new URL("http://registry.test"));
    expect(proxy).toMatchObject({ origin, address: { port } });
  });

  it.each([
    ["http://registry.test", "http://own.test:1"],
    ["https://registry.test", "http://own.test:1"],
    ["https://registry.test:5000", "https://other.test"],
    ["https://[fd00::5]:5000", "http://six.test:6"],
    ["https://[fd00::5]", "http://six.test:6"],
    ["http://127.0.0.1:5000", "http://own.test:1"],
    ["http://bücher.test", "http://own.test:1"],
    ["https://near.test", undefined],
    ["https://sub.registry.test", "http://all.test:3128"],
    ["https://out.test", undefined],
  ])("reaches %s through the proxy of its host: %s", (url, expected) => {
    const proxyFor = proxyRoutes({
      httpsProxy: "all.test:3128",
      noProxy: "bücher.test,out.test",
      hosts: {
        "Registry.test": "own.test:1",
        "registry.test:5000": "https://other.test",
        "[fd00::5]:5000": "six.test:6",
        "fd00::5": "six.test:6",
        "127.0.0.1": "own.test:1",
        "bücher.test": "own.test:1",
        "near.test": "direct",
      },
    });
    expect(proxyFor(new URL(url))?.origin).toBe(expected);
  });

  it.each([
    [{ "a/b": "p:1" }],
    [{ "": "p:1" }],
    [{ "u@a.test": "p:1" }],
    [{ "a.test": "" }],
    [{ "a.test": "socks5://p" }],
  ])("refuses the proxies %j", (hosts) => {
    expect(() => proxyRoutes({ hosts })).toThrow(/connection\.proxy\.hosts\[/);
  });

  it("chooses by the scheme of the request, with no proxy for one that has none", () => {
    const proxyFor = proxyRoutes({ httpProxy: "proxy.test:1" });
    expect(proxyFor(new URL("https://registry.test"))).toBeUndefined();
    expect(proxyFor(new URL("http://registry.test"))).toBeDefined();
  });
});

describe("proxyFromEnvironment()", () => {
  it.each([
    [{}, undefined],
    [{ HTTP_PROXY: "", NO_PROXY: "a" }, undefined],
    [{ HTTP_PROXY: "p:1", REQUEST_METHOD: "GET" }, undefined],
    [{ HTTPS_PROXY: "p:1" }, { httpProxy: undefined, httpsProxy: "p:1", noProxy: undefined }],
    [
      { http_proxy: "p:1", HTTPS_PROXY: "p:2", https_proxy: "p:3", no_proxy: "a" },
      { httpProxy: "p:1", httpsProxy: "p:2", noProxy: "a" },
    ],
  ])("reads %j", (environment, expected) => {
    expect(proxyFromEnvironment(environment)).toEqual(expected);
  });
});
