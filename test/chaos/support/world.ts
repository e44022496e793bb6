import { createHash } from "node:crypto";
import { seeded } from "./seeded.ts";

const OCI = "application/vnd.oci.image";

/** A document that a registry keeps under its digest, and under tags. */
export interface StoredDocument {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** Everything that an honest registry of this world would serve. */
export interface World {
  /** `repository:tag` to digest. */
  readonly tags: ReadonlyMap<string, string>;
  readonly documents: ReadonlyMap<string, StoredDocument>;
  readonly blobs: ReadonlyMap<string, Buffer>;
}

/** Repositories that the images are spread over. */
const REPOSITORIES = ["team/app", "team/base", "library/tool"];

/** Images of the world; enough for overlaps, few enough for many concurrent pulls of each. */
const IMAGES = 9;

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * Images that share layers with one another, each third of them behind an index of two platforms. Layers are from one byte to a
 * few hundred kilobytes, so that bodies break in their first packet as well as in later ones.
 */
export function buildWorld(seed: string): World {
  const random = seeded(`world ${seed}`);
  const blobs = new Map<string, Buffer>();
  const documents = new Map<string, StoredDocument>();
  const tags = new Map<string, string>();
  const keepBlob = (bytes: Buffer) => {
    blobs.set(sha256(bytes), bytes);
    return { digest: sha256(bytes), size: bytes.length };
  };
  const keepDocument = (mediaType: string, document: object) => {
    const bytes = Buffer.from(JSON.stringify(document));
    documents.set(sha256(bytes), { mediaType, bytes });
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const layers = Array.from({ length: 12 }, () =>
    keepBlob(random.bytes(1 + random.int(random.chance(0.3) ? 400_000 : 20_000))),
  );

  const buildImage = (architecture: string, number: number) => {
    const chosen = Array.from({ length: 1 + random.int(5) }, () => random.pick(layers));
    const config = {
      architecture,
      os: "linux",
      number,
      rootfs: { type: "layers", diff_ids: chosen.map(({ digest }) => digest) },
    };
    return keepDocument(`${OCI}.manifest.v1+json`, {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: { mediaType: `${OCI}.config.v1+json`, ...keepBlob(Buffer.from(JSON.stringify(config))) },
      layers: chosen.map((layer) => ({ mediaType: `${OCI}.layer.v1.tar`, ...layer })),
    });
  };
  for (let number = 0; number < IMAGES; number++) {
    const name = `${random.pick(REPOSITORIES)}:v${number}`;
    const image = buildImage("amd64", number);
    if (number % 3 !== 0) {
      tags.set(name, image.digest);
      continue;
    }
    const entries = [image, buildImage("arm64", number)].map((entry, index) => ({
      ...entry,
      platform: { os: "linux", architecture: index === 0 ? "amd64" : "arm64" },
    }));
    const index = { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests: entries };
    tags.set(name, keepDocument(`${OCI}.index.v1+json`, index).digest);
  }
  return { tags, documents, blobs };
}

/** Digests of everything that the image for linux/amd64 behind `digest` consists of, `digest` included. */
export function contentOf(world: World, digest: string): readonly string[] {
  const document = world.documents.get(digest);
  if (!document) return [digest];
  const { manifests, config, layers } = JSON.parse(document.bytes.toString()) as {
    manifests?: readonly { digest: string; platform: { architecture: string } }[];
    config?: { digest: string };
    layers?: readonly { digest: string }[];
  };
  const amd64 = manifests?.filter(({ platform }) => platform.architecture === "amd64") ?? [];
  const below = amd64.flatMap((entry) => contentOf(world, entry.digest));
  return [
    digest,
    ...below,
    ...(config ? [config.digest] : []),
    ...(layers ?? []).map((layer) => layer.digest),
  ];
}
