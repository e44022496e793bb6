import { type Digest, isDigest } from "../../digest/digest.ts";

/** What a registry looks at in a manifest. */
export interface ManifestFacts {
  readonly mediaType?: string | undefined;
  /** Config and layers that have to be in the repository. */
  readonly blobs: readonly Digest[];
  /** Manifests of an index. */
  readonly manifests: readonly Digest[];
  readonly subject?: Digest | undefined;
  /** The type that the referrers API filters by: `artifactType`, otherwise the config's media type. */
  readonly artifactType?: string | undefined;
  /** Media type of the config. */
  readonly configType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

type Field =
  | "schemaVersion"
  | "mediaType"
  | "artifactType"
  | "digest"
  | "urls"
  | "config"
  | "layers"
  | "manifests"
  | "subject"
  | "annotations";

type JsonObject = Readonly<Partial<Record<Field, unknown>>>;

/** Reads a manifest or index; `undefined` when the bytes are neither. */
export function inspectManifest(bytes: Uint8Array): ManifestFacts | undefined {
  const document = parseObject(bytes);
  if (document?.schemaVersion !== 2) return undefined;
  const config = list([document.config]);
  const layers = list(document.layers).filter((layer) => list(layer.urls, isString).length === 0);
  const [subject] = digests(list([document.subject]));
  return {
    mediaType: text(document.mediaType),
    blobs: digests([...config, ...layers]),
    manifests: digests(list(document.manifests)),
    subject,
    configType: text(config[0]?.mediaType),
    artifactType: text(document.artifactType) ?? text(config[0]?.mediaType),
    annotations: annotationsOf(document.annotations),
  };
}

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // not JSON: the caller says so in its answer
  }
}

function digests(descriptors: readonly JsonObject[]): Digest[] {
  return descriptors
    .map((descriptor) => descriptor.digest)
    .filter((digest): digest is Digest => isString(digest) && isDigest(digest));
}

function annotationsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => isString(entry[1])),
  );
}

function list(value: unknown): JsonObject[];
function list<T>(value: unknown, is: (item: unknown) => item is T): T[];
function list(value: unknown, is: (item: unknown) => boolean = isObject): unknown[] {
  return Array.isArray(value) ? value.filter(is) : [];
}

function text(value: unknown): string | undefined {
  return isString(value) && value !== "" ? value : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}
