import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/digest/digest.ts";
import type { Descriptor } from "../../src/images.ts";
import { lookupEndpoints } from "../../src/registry/endpoints/lookup-endpoints.ts";
import { referrersTag } from "../../src/registry/pull/referrers.ts";
import { createPushClient } from "../../src/registry/push/create-push-client.ts";
import { createTransport, type Transport } from "../../src/registry/transport/transport.ts";
import type { BuiltImage } from "../../src/testing.ts";
import { EMPTY, OCI, putIndex, putManifest } from "./support/documents.ts";
import { type PushSite, pushSite, REPOSITORY } from "./support/push-site.ts";

const SIGNATURE = "application/vnd.example.signature";

let site: PushSite;
let transport: Transport;
let subject: BuiltImage;

beforeEach(() => {
  transport = createTransport();
});

afterEach(async () => {
  await transport.close();
  await site[Symbol.asyncDispose]();
});

async function siteWith(referrers: boolean): Promise<void> {
  site = await pushSite({ target: { referrers } });
  subject = await site.pulled({ layers: [1_000] });
  await site.engine.push(`${site.from}:v1`, { target: `${site.to}:v1` });
  await site.source.putBlob(REPOSITORY, Buffer.from("{}"));
}

/** Puts an artifact about the subject at the source. */
function artifact(note: string, { tag, fields }: { tag?: string; fields?: object } = {}): Descriptor {
  const { mediaType, digest, size } = subject.descriptor;
  return putManifest(
    site.source,
    { repository: REPOSITORY, tag },
    {
      artifactType: SIGNATURE,
      config: EMPTY,
      layers: [EMPTY],
      subject: { mediaType, digest, size },
      annotations: { note },
      ...fields,
    },
  );
}

async function pushFromSource(tag: string): Promise<void> {
  await site.engine.pull(`${site.from}:${tag}`, { allPlatforms: true });
  await site.engine.push(`${site.from}:${tag}`, { target: `${site.to}:${tag}` });
}

/** What the target lists for the subject, as any client sees it. */
async function listed(digest: Digest = subject.descriptor.digest): Promise<readonly Descriptor[]> {
  const [endpoint] = await lookupEndpoints(
    { domain: site.target.host, path: REPOSITORY },
    { plainHttp: true },
    "push",
  );
  if (!endpoint) throw new TypeError("the target has no endpoint");
  const client = createPushClient({ endpoint, repository: REPOSITORY, send: transport.send });
  return await client.referrers(digest);
}

describe.each([
  ["with the referrers API", true],
  ["that keeps no referrers", false],
])("push() of an artifact with a subject to a registry %s", (_, referrers) => {
  beforeEach(() => siteWith(referrers));

  it("lists it for the subject, with its type and annotations", async () => {
    const signature = artifact("mine", { tag: "sig" });
    await pushFromSource("sig");
    expect(await listed()).toEqual([
      { ...signature, artifactType: SIGNATURE, annotations: { note: "mine" } },
    ]);
    expect(site.target.tags(REPOSITORY)).toEqual(
      referrers ? ["sig", "v1"] : ["sig", "v1", referrersTag(subject.descriptor.digest)].toSorted(),
    );
  });

  it("lists it once, however often it is pushed", async () => {
    artifact("mine", { tag: "sig" });
    await pushFromSource("sig");
    const puts = site.target.requests.filter(({ method }) => method === "PUT").length;
    await pushFromSource("sig");
    expect(await listed()).toHaveLength(1);
    expect(site.target.requests.filter(({ method }) => method === "PUT")).toHaveLength(puts);
  });

  it("keeps those that are listed already", async () => {
    for (const tag of ["sig", "sbom"]) {
      artifact(tag, { tag });
      await pushFromSource(tag);
    }
    const notes = (await listed()).map(({ annotations }) => annotations?.["note"]);
    expect(new Set(notes)).toEqual(new Set(["sbom", "sig"]));
    expect(notes).toHaveLength(2);
  });

  it("lists all that are pushed at the same time", async () => {
    const tags = Array.from({ length: 8 }, (__, at) => `sig${at}`);
    const artifacts = tags.map((tag) => artifact(tag, { tag }));
    await Promise.all(tags.map(pushFromSource));
    expect((await listed()).map(({ digest }) => digest).toSorted()).toEqual(
      artifacts.map(({ digest }) => digest).toSorted(),
    );
  });

  it("lists those in an index", async () => {
    const artifacts = ["a", "b", "c"].map((note) => artifact(note));
    putIndex(site.source, { repository: REPOSITORY, tag: "all" }, artifacts);
    await pushFromSource("all");
    expect(await listed()).toHaveLength(3);
  });
});

describe("push() of an image with a subject to a registry that keeps no referrers", () => {
  beforeEach(() => siteWith(false));

  it("lists it by the type of its config", async () => {
    const { config } = subject;
    const layers = subject.layers.map(({ descriptor }) => descriptor);
    artifact("rebuilt", { tag: "sig", fields: { artifactType: undefined, config, layers } });
    await pushFromSource("sig");
    expect(await listed()).toMatchObject([{ artifactType: OCI.config, annotations: { note: "rebuilt" } }]);
  });

  it("lists it after an earlier push that broke before it could", async () => {
    artifact("mine", { tag: "sig" });
    const tag = referrersTag(subject.descriptor.digest);
    const fault = site.target.fault({ method: "PUT", reference: tag }, { status: 403 });
    await expect(pushFromSource("sig")).rejects.toThrow("403");
    fault.remove();
    await pushFromSource("sig");
    expect(await listed()).toHaveLength(1);
  });
});
