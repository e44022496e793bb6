import type { AbortOptions } from "../../async/abort.ts";
import { allOrAbort } from "../../async/all-or-abort.ts";
import { readBlob } from "../../content/read-blob.ts";
import type { Provider } from "../../content/store.ts";
import { ErrInvalidArgument, ErrPermissionDenied } from "../../errors/classes.ts";
import type { ImageContent } from "../../images/image-graph.ts";
import { claimsToBeImage } from "../../images/inspect-image.ts";
import { configFactsOf, NO_FACTS } from "../../oci/config-facts.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { JsonObject } from "../../oci/json-object.ts";
import { MAX_MANIFEST_BYTES, parseManifest } from "../../oci/parse-document.ts";
import { MAX_CONFIG_BYTES, parseConfigDocument } from "../../oci/parse-image-config.ts";
import type { ImageToVerify, ManifestToVerify, VerifyImage } from "../api/verify.ts";
import { askHook } from "./ask-hook.ts";

/** Who is asked: the engine's hook first, then that of the call. `undefined`: nobody. */
export type Verifiers = readonly VerifyImage[] | undefined;

/** The hooks of an engine and of one call: neither can allow what the other refuses. */
export function verifiersOf(...hooks: ReadonlyArray<VerifyImage | undefined>): Verifiers {
  const given = hooks.filter((hook) => hook !== undefined);
  return given.length > 0 ? given : undefined;
}

/** An image that waits for the word of its verifiers. */
export interface ImageAtTheDoor extends Omit<ImageToVerify, "manifests"> {
  /** Their manifests, and the configs of those that say that they are images, are in `content`. */
  readonly images: readonly ImageContent[];
  readonly content: Provider;
}

/**
 * Asks everybody whether an image may come. A refusal is `ErrPermissionDenied` without an endpoint, so that no other endpoint is asked:
 * its cause is what the hook threw. Throws as `readBlob` does, and the abort error when the signal fires.
 */
export async function verifyImage(
  { images, content, ...about }: ImageAtTheDoor,
  verifiers: readonly VerifyImage[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const manifests: ManifestToVerify[] = [];
  for (const image of images) manifests.push(await describe(image, content, signal));
  for (const verifier of verifiers) await ask(verifier, { ...about, manifests }, signal);
}

/** Who brings configs, for an operation. */
export interface ConfigBringer extends AbortOptions {
  readonly bring: (config: Descriptor, signal: AbortSignal) => Promise<unknown>;
}

/**
 * The same of an image of which only manifests have come: brings its configs into memory first. Throws as `verifyImage` and `bring` do,
 * and `ErrInvalidArgument` for a config that is too large, of which nothing is brought.
 */
export async function verifyFetched(
  image: ImageAtTheDoor,
  verifiers: readonly VerifyImage[],
  { bring, signal }: ConfigBringer,
): Promise<void> {
  const configs = image.images.filter(claimsToBeImage).map(({ config }) => config);
  const tooLarge = configs.find(({ size }) => size > MAX_CONFIG_BYTES);
  if (tooLarge) {
    const { digest, size } = tooLarge;
    const sizes = `got ${size} bytes, wanted at most ${MAX_CONFIG_BYTES}`;
    throw new ErrInvalidArgument(`config ${digest}: ${sizes}`, { digest });
  }
  const tasks = configs.map((config) => (abort: AbortSignal) => bring(config, abort));
  await allOrAbort(tasks, { signal });
  await verifyImage(image, verifiers, signal);
}

async function ask(
  verifier: VerifyImage,
  image: ImageToVerify,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { reference, target } = image;
  const refused = (reason: string, cause?: unknown): ErrPermissionDenied => {
    const details = { cause, reference, digest: target.digest };
    return new ErrPermissionDenied(`verify image ${reference}: refused: ${reason}`, details);
  };
  await askHook((context) => verifier(image, context), { signal, words: "Waiting for the verdict", refused });
}

async function describe(
  { manifest, config, layers }: ImageContent,
  content: Provider,
  signal: AbortSignal | undefined,
): Promise<ManifestToVerify> {
  const bytes = await readBlob(content, manifest, { maxBytes: MAX_MANIFEST_BYTES, signal });
  const { artifactType, annotations = {}, subject } = parseManifest(bytes, manifest.mediaType);
  const isImage = claimsToBeImage({ config, layers });
  const configuration: JsonObject | undefined = isImage
    ? parseConfigDocument(await readBlob(content, config, { maxBytes: MAX_CONFIG_BYTES, signal }))
    : undefined;
  const facts = configuration ? configFactsOf(configuration) : NO_FACTS;
  const kind = isImage ? "image" : "artifact";
  return { ...facts, manifest, config, layers, kind, artifactType, annotations, subject, configuration };
}
