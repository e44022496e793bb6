import { describe, expect, it } from "vitest";
import { cacheDirectives } from "../real/support/squid.ts";
import { describedEndpoints } from "../registry/support/configured-lookup.ts";
import { codeBlocks, readDocument } from "./support/documents.ts";
import { hostsExamples } from "./support/hosts-examples.ts";

const HUB = "https://registry-1.docker.io/v2 as docker.io";
const QUAY = "https://quay.io/v2";

/** What is asked with each hosts.toml of the README, in the words of `describeEndpoint`. */
const ENDPOINTS: Readonly<Record<string, { reference: string; endpoints: readonly string[] }>> = {
  "a cache in the house, then Docker Hub": {
    reference: "redis:7",
    endpoints: ["https://cache.internal/hub/v2 mirror pull+resolve ns=docker.io ca=@ca dial=2000", HUB],
  },
  "docker-registry": {
    reference: "redis:7",
    endpoints: ["http://cache.internal:5000/v2 mirror pull+resolve ns=docker.io dial=1000", HUB],
  },
  Harbor: {
    reference: "redis:7",
    endpoints: ["https://harbor.internal/v2/hub mirror pull+resolve ns=docker.io ca=@ca", HUB],
  },
  zot: {
    reference: "quay.io/team/app:v1",
    endpoints: ["https://zot.internal:8080/v2 mirror pull+resolve ns=quay.io ca=@ca", QUAY],
  },
  Spegel: {
    reference: "quay.io/team/app:v1",
    endpoints: ["http://10.0.0.5:30020/v2 mirror pull+resolve ns=quay.io dial=200", QUAY],
  },
  Dragonfly: {
    reference: "quay.io/team/app:v1",
    endpoints: [
      "http://127.0.0.1:4001/v2 mirror pull+resolve ns=quay.io X-Dragonfly-Registry: https://quay.io",
      QUAY,
    ],
  },
};

describe("mirrors of the README", () => {
  it("are all here", () => {
    expect(hostsExamples().map(({ what }) => what)).toEqual(Object.keys(ENDPOINTS));
  });

  it.each(hostsExamples())("are asked before the registry: $what", async ({ what, directory, code }) => {
    const files = { [`hosts/${directory}/hosts.toml`]: code, [`hosts/${directory}/house.pem`]: "@ca" };
    const { reference = "", endpoints } = ENDPOINTS[what] ?? {};
    expect(await describedEndpoints({ name: what, files, reference })).toEqual(endpoints);
  });

  it("have a squid before them that is the one of the tests", () => {
    const blocks = codeBlocks(readDocument("README.md"));
    const parts = { listen: "10.0.0.9:3128", origin: "registry.internal:5000", folder: "/var/spool/squid" };
    expect(blocks.map(({ code }) => code)).toContain(cacheDirectives(parts).join("\n"));
  });
});
