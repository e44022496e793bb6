import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../../src/digest/digest.ts";
import { OCI_INDEX } from "../../../src/oci/media-types.ts";
import { referrersTag } from "../../../src/registry/pull/referrers.ts";
import { addReferrer } from "../../../src/registry/push/add-referrer.ts";
import { PushLab, REPOSITORY } from "../support/push-lab.ts";

const subject = digestOf("subject");
const referrer = (name: string) => ({
  mediaType: OCI_INDEX,
  digest: digestOf(name),
  size: name.length,
  annotations: { name },
  artifactType: "application/vnd.example.sbom.v1+json",
});

describe("addReferrer()", () => {
  let lab: PushLab;
  beforeEach(() => {
    lab = new PushLab();
  });
  afterEach(() => lab[Symbol.asyncDispose]());

  it("starts the list, adds to it, and leaves it alone when the referrer is there", async () => {
    const registry = await lab.registry({ referrers: false, checkReferences: false });
    const client = lab.client(registry.url);
    for (const name of ["a", "b", "a"]) await addReferrer(client, { subject, referrer: referrer(name) });
    expect(await client.referrers(subject)).toEqual([referrer("a"), referrer("b")]);
    expect(registry.tags(REPOSITORY)).toEqual([referrersTag(subject)]);
    expect(registry.manifest(REPOSITORY, referrersTag(subject))?.mediaType).toBe(OCI_INDEX);
    expect(registry.requests.filter(({ method }) => method === "PUT")).toHaveLength(2);
  });

  it("throws rather than overwrite a list that it cannot read", async () => {
    const registry = await lab.registry({ referrers: false, checkReferences: false });
    registry.putManifest(REPOSITORY, referrersTag(subject), '{"schemaVersion":2}', OCI_INDEX);
    const added = addReferrer(lab.client(registry.url), { subject, referrer: referrer("a") });
    await expect(added).rejects.toMatchObject({ name: "ErrInvalidArgument" });
    expect(registry.requests.map(({ method }) => method)).not.toContain("PUT");
  });
});
