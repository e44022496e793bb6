import { dockerList } from "../../archive/docker-list.ts";
import { archiveFiles } from "../../archive/exported-files.ts";
import { writeTar } from "../../archive/write-tar.ts";
import { type Digest, shortId } from "../../digest/digest.ts";
import type { Distribution } from "../../distribution/api/distribution.ts";
import type { ImagePlan, PlanOptions } from "../../distribution/api/image-plan.ts";
import { PLAN_OPTIONS } from "../../distribution/api/option-rules.ts";
import { ErrInvalidArgument } from "../../errors/classes.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { isConfigType } from "../../oci/media-types.ts";
import { MAX_CONFIG_BYTES, parseImageConfig } from "../../oci/parse-image-config.ts";
import { checkArgument, checkOptions } from "../../options/check-options.ts";
import { aString } from "../../options/rules.ts";
import { guardSink } from "../../progress/guard-sink.ts";
import { message, type StepSink, update } from "../../progress/progress.ts";
import { throttleProgress } from "../../progress/progress-throttle.ts";
import { familiarString } from "../../reference/familiar.ts";
import { parseDockerRef } from "../../reference/normalize.ts";
import type { NormalizedReference } from "../../reference/reference.ts";
import { type DockerClient, textIn } from "./docker-client.ts";
import { layersThere } from "./layers-there.ts";

/** What a pull into a docker may be told: each of it means what it means to a pull. */
export type DockerPullOptions = Omit<PlanOptions, "allPlatforms" | "timeoutMs">;

const { allPlatforms: _all, timeoutMs: _time, ...PULL_OPTIONS } = PLAN_OPTIONS;

/** What a pull into a docker did. */
export interface DockerPull {
  /** The reference in full form. */
  readonly reference: string;
  /** Digest of what it points at. */
  readonly digest: Digest;
  /** Digest of the config, by which docker knows the image. */
  readonly id: Digest;
  /** The layers that went to docker, lowest first. */
  readonly moved: readonly Digest[];
  /** Their bytes, as the registry has them. */
  readonly movedBytes: number;
  /** Whether docker had another image of this name before, or none. */
  readonly updated: boolean;
}

/** Where an image comes from. */
export interface DockerPullSource {
  readonly distribution: Pick<Distribution, "plan" | "openBlob">;
  readonly reference: string;
}

/** An image on its way. */
interface Moving extends DockerPullSource {
  readonly docker: DockerClient;
  readonly options: DockerPullOptions;
  readonly onProgress: StepSink;
  readonly name: NormalizedReference;
  readonly manifest: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Does what `Docker.pull` says. */
export async function pullIntoDocker(
  docker: DockerClient,
  { distribution, reference }: DockerPullSource,
  options: DockerPullOptions,
): Promise<DockerPull> {
  checkArgument("pull into docker", "reference", reference, aString);
  checkOptions("pull into docker", options, PULL_OPTIONS);
  const onProgress = guardSink(options.onProgress ?? (() => {}));
  const name = parseDockerRef(reference);
  const plan = await distribution.plan(reference, { ...options, onProgress });
  onProgress(message(name.tag ?? familiarString(name), `Pulling from ${name.path}`));
  const moving = { docker, distribution, reference, options, onProgress, name, ...partsOf(plan) };
  const { digest: id } = moving.config;
  const before = await docker.get(`/images/${encodeURIComponent(name.toString())}/json`, options);
  const updated = textIn(before, "Id") !== id;
  const moved = updated ? await move(moving) : [];
  onProgress(message("", `Digest: ${plan.target.digest}`));
  const what = updated ? "Downloaded newer image for" : "Image is up to date for";
  onProgress(message("", `Status: ${what} ${familiarString(name)}`));
  return {
    reference: plan.reference,
    digest: plan.target.digest,
    id,
    moved: moved.map(({ digest }) => digest),
    movedBytes: moved.reduce((sum, { size }) => sum + size, 0),
    updated,
  };
}

/** Throws `ErrInvalidArgument` for what is no image. */
function partsOf({ reference, contents }: ImagePlan): Pick<Moving, "manifest" | "config" | "layers"> {
  const manifest = contents.find(({ kind }) => kind === "manifest");
  const config = contents.find(({ kind }) => kind === "config");
  const layers = contents.filter(({ kind }) => kind === "layer");
  if (!manifest || !config || !isConfigType(config.mediaType)) {
    throw new ErrInvalidArgument(`pull ${reference} into docker: got an artifact, wanted an image`, {
      reference,
    });
  }
  return { manifest, config, layers };
}

/** Sends what docker has not. What it has may go meanwhile, and then it gets all of it. */
async function move(moving: Moving): Promise<readonly Descriptor[]> {
  const { docker, layers, config, options, onProgress } = moving;
  const { diffIds } = parseImageConfig(await bytesOf(config, moving));
  const there = diffIds.length === layers.length ? await layersThere(docker, diffIds, options) : 0;
  for (const [at, { digest }] of layers.entries()) {
    const state = at < there ? "Already exists" : "Pulling fs layer";
    onProgress(update(shortId(digest), state, 0, 0));
  }
  const missing = layers.slice(there);
  try {
    await send(missing, moving);
    return missing;
  } catch (error) {
    const now = there === 0 || options.signal?.aborted ? there : await layersThere(docker, diffIds, options);
    if (now === there) throw error;
    const all = layers.slice(now);
    await send(all, moving);
    return all;
  }
}

async function send(missing: readonly Descriptor[], moving: Moving): Promise<void> {
  const { docker, name, manifest, config, layers, options, onProgress } = moving;
  const fullName = name.toString();
  const list = dockerList(fullName, [{ manifest, config, layers }], undefined) ?? [];
  const blobs = [...new Map([manifest, config, ...missing].map((blob) => [blob.digest, blob])).values()];
  const images = [{ name: fullName, target: manifest }];
  const files = archiveFiles({ images, list, blobs }, (blob) => telling(blob, moving));
  await docker.load(writeTar(files), options);
  for (const { digest } of missing) onProgress(update(shortId(digest), "Pull complete", 0, 0));
}

/** The bytes of a blob, of which is told how many have come. */
async function* telling(blob: Descriptor, moving: Moving): AsyncGenerator<Uint8Array> {
  const { layers, onProgress } = moving;
  const isLayer = layers.some(({ digest }) => digest === blob.digest);
  const tell = throttleProgress(onProgress);
  const id = shortId(blob.digest);
  let bytes = 0;
  for await (const chunk of open(blob, moving)) {
    bytes += chunk.byteLength;
    if (isLayer) tell(update(id, "Downloading", bytes, blob.size));
    yield chunk;
  }
  if (isLayer) onProgress(update(id, "Download complete", 0, 0));
}

function open(blob: Descriptor, { distribution, reference, options }: Moving): AsyncIterable<Uint8Array> {
  const { auth, metaHeaders, signal } = options;
  return distribution.openBlob(reference, blob, { auth, metaHeaders, signal });
}

/** Throws `ErrInvalidArgument` for a config that is longer than one may be. */
async function bytesOf(config: Descriptor, moving: Moving): Promise<Uint8Array> {
  if (config.size > MAX_CONFIG_BYTES) {
    const sizes = `got ${config.size} bytes, wanted at most ${MAX_CONFIG_BYTES}`;
    throw new ErrInvalidArgument(`config ${config.digest}: ${sizes}`, { digest: config.digest });
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of open(config, moving)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
