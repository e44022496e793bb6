import { describe, expect, it } from "vitest";
import { FaultScript } from "../../../src/testing/faults/fault.ts";
import type { RequestRecord } from "../../../src/testing/http/request-record.ts";
import { parseRoute } from "../../../src/testing/http/route.ts";

const D = `sha256:${"a".repeat(64)}`;

function request(method: string, target: string): RequestRecord {
  const counters = { connection: 1, state: "started" as const, bytesSent: 0, bytesReceived: 0 };
  return { ...parseRoute(target), ...counters, method, headers: {} };
}

describe("FaultScript", () => {
  it.each([
    [{}, true],
    [{ method: "GET" }, true],
    [{ method: "PUT" }, false],
    [{ kind: "blob" as const }, true],
    [{ kind: "manifest" as const }, false],
    [{ repository: "a/b" }, true],
    [{ repository: "a" }, false],
    [{ reference: D }, true],
    [{ reference: "v1" }, false],
    [{ digest: D }, true],
    [{ digest: `${D.slice(0, -1)}b` }, false],
    [{ when: ({ path }: RequestRecord) => path.startsWith("/v2/a/") }, true],
    [{ when: () => false }, false],
    [{ method: "GET", kind: "blob" as const, repository: "c" }, false],
  ])("matches %j: %s", (match, expected) => {
    const script = new FaultScript();
    const fault = script.add(match, {});
    expect(script.take(request("GET", `/v2/a/b/blobs/${D}`)) === fault).toBe(expected);
    expect(fault.hits).toBe(expected ? 1 : 0);
  });

  it("hits once unless told otherwise", () => {
    const script = new FaultScript();
    const once = script.add({}, {});
    const twice = script.add({ times: 2 }, {});
    const rest = script.add({ times: Number.POSITIVE_INFINITY }, {});
    const hits = Array.from({ length: 5 }, () => script.take(request("GET", "/v2/")));
    expect(hits).toEqual([once, twice, twice, rest, rest]);
    expect([once.hits, twice.hits, rest.hits]).toEqual([1, 2, 2]);
  });

  it("lets requests pass first, counting only those that match", () => {
    const script = new FaultScript();
    const fault = script.add({ kind: "ping", after: 2 }, {});
    const taken = ["/v2/", "/", "/v2/", "/v2/", "/v2/"].map((target) => script.take(request("GET", target)));
    expect(taken).toEqual([undefined, undefined, undefined, fault, undefined]);
  });

  it("hits nothing after remove()", () => {
    const script = new FaultScript();
    const fault = script.add({}, {});
    fault.remove();
    expect(script.take(request("GET", "/v2/"))).toBeUndefined();
    expect(fault.hits).toBe(0);
  });
});
