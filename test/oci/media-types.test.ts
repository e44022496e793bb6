import { describe, expect, it } from "vitest";
import { ErrNotImplemented } from "../../src/errors/classes.ts";
import * as types from "../../src/oci/media-types.ts";

const DOCKER = "application/vnd.docker";
const OCI = "application/vnd.oci.image";

const ALL = {
  manifest: [`${DOCKER}.distribution.manifest.v2+json`, `${OCI}.manifest.v1+json`],
  index: [`${DOCKER}.distribution.manifest.list.v2+json`, `${OCI}.index.v1+json`],
  config: [`${DOCKER}.container.image.v1+json`, `${OCI}.config.v1+json`],
  checkpointConfig: [
    "application/vnd.containerd.container.criu.checkpoint.criu.tar",
    "application/vnd.containerd.container.checkpoint.config.v1+proto",
  ],
  layer: [
    `${DOCKER}.image.rootfs.diff.tar`,
    `${DOCKER}.image.rootfs.diff.tar.gzip`,
    `${DOCKER}.image.rootfs.diff.tar.zstd`,
    `${DOCKER}.image.rootfs.diff.tar.gzip+encrypted`,
    `${OCI}.layer.v1.tar`,
    `${OCI}.layer.v1.tar+gzip`,
    `${OCI}.layer.v1.tar+zstd`,
    `${OCI}.layer.v1.tar+gzip+encrypted`,
    `${OCI}.layer.v2.whatever`,
  ],
  nonDistributableLayer: [
    `${DOCKER}.image.rootfs.foreign.diff.tar`,
    `${DOCKER}.image.rootfs.foreign.diff.tar.gzip`,
    `${OCI}.layer.nondistributable.v1.tar`,
    `${OCI}.layer.nondistributable.v1.tar+gzip`,
    `${OCI}.layer.nondistributable.v1.tar+zstd`,
  ],
  schema1: [`${DOCKER}.distribution.manifest.v1+prettyjws`],
  attestation: ["application/vnd.in-toto+json"],
  other: [
    "",
    "text/plain",
    "application/json",
    "application/octet-stream",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
    `${DOCKER}.distribution.manifest.v1+json`,
    `${DOCKER}.distribution.manifest.v2+JSON`,
    `${DOCKER}.plugin.v1+json`,
    `${DOCKER}.image.rootfs.diff.tar.xz`,
    `${OCI}.layer`,
    " application/vnd.oci.image.index.v1+json",
  ],
} as const;

type Group = keyof typeof ALL;

const PREDICATES: readonly [name: string, is: (mediaType: string) => boolean, groups: readonly Group[]][] = [
  ["isManifestType", types.isManifestType, ["manifest"]],
  ["isIndexType", types.isIndexType, ["index"]],
  ["isConfigType", types.isConfigType, ["config"]],
  ["isKnownConfigType", types.isKnownConfigType, ["config", "checkpointConfig"]],
  ["isLayerType", types.isLayerType, ["layer", "nonDistributableLayer"]],
  ["isNonDistributable", types.isNonDistributable, ["nonDistributableLayer"]],
  ["isSchema1Type", types.isSchema1Type, ["schema1"]],
  ["isAttestationType", types.isAttestationType, ["attestation"]],
];

describe.each(PREDICATES)("%s()", (_name, is, groups) => {
  const cases = Object.entries(ALL).flatMap(([group, mediaTypes]) =>
    mediaTypes.map((mediaType) => [mediaType, (groups as readonly string[]).includes(group)] as const),
  );

  it.each(cases)("says of %j: %s", (mediaType, expected) => {
    expect(is(mediaType)).toBe(expected);
  });
});

describe("MANIFEST_ACCEPT", () => {
  it("names each manifest and index type once", () => {
    expect(types.MANIFEST_ACCEPT.toSorted()).toEqual([...ALL.manifest, ...ALL.index].toSorted());
  });
});

describe("layerCompression()", () => {
  it.each([
    [`${DOCKER}.image.rootfs.diff.tar`, "unknown"],
    [`${DOCKER}.image.rootfs.foreign.diff.tar`, "unknown"],
    [`${DOCKER}.image.rootfs.diff.tar.gzip`, "gzip"],
    [`${DOCKER}.image.rootfs.foreign.diff.tar.gzip`, "gzip"],
    [`${DOCKER}.image.rootfs.diff.tar.zstd`, "zstd"],
    [`${DOCKER}.image.rootfs.diff.tar.gzip+encrypted`, "none"],
    [`${OCI}.layer.v1.tar`, "none"],
    [`${OCI}.layer.v1.tar+gzip`, "gzip"],
    [`${OCI}.layer.v1.tar+zstd`, "zstd"],
    [`${OCI}.layer.v1.tar+gzip+encrypted`, "gzip"],
    [`${OCI}.layer.v1.tar+zstd+encrypted`, "zstd"],
    [`${OCI}.layer.v1.tar+encrypted`, "none"],
    [`${OCI}.layer.nondistributable.v1.tar+zstd`, "zstd"],
  ])("of %s is %s", (mediaType, expected) => {
    expect(types.layerCompression(mediaType)).toBe(expected);
  });

  it("refuses what is not a layer", () => {
    expect(() => types.layerCompression(types.OCI_CONFIG)).toThrow(ErrNotImplemented);
    expect(() => types.layerCompression("application/vnd.erofs.layer.v1")).toThrow(ErrNotImplemented);
  });
});
