import { randomUUID } from "node:crypto";
import { forEachWithin } from "../../async/for-each-within.ts";
import { makeDirectory } from "../../disk/make-directory.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../errors/classes.ts";
import { checkTogether, TITLE, type TitledLayer, titledLayers } from "../../oci/file-titles.ts";
import type { PlannedItem, StepSink } from "../../progress/progress.ts";
import type { ArtifactFile, FetchArtifactOptions, FetchedArtifact } from "../api/artifacts.ts";
import type { InspectedLayer } from "../api/looking.ts";
import type { BlobOptions } from "../api/moving.ts";
import type { PassedEndpoint } from "../api/passed-endpoint.ts";
import { type InspectEngine, inspect } from "../look/inspect.ts";
import { bringToFile } from "../move/fetch-to.ts";
import { type MoveEngine, usingContent } from "../move/move-engine.ts";
import { streamWanted } from "../move/stream-blob.ts";
import { wantedContent } from "../move/wanted-blob.ts";
import { ToldPlan } from "../operations/told-plan.ts";
import { verifiersOf } from "../operations/verify-image.ts";
import { withinTime } from "../operations/within-time.ts";
import { unpackDirectory } from "./unpack-directory.ts";
import { verifyArtifact } from "./verify-artifact.ts";
import { wayToFile } from "./way-to-file.ts";

/** Files of an artifact that come at the same time: each is a connection, and an artifact may have thousands. */
const AT_ONCE = 3;

/** What artifacts are fetched with. */
export interface FetchArtifactEngine extends InspectEngine, MoveEngine {}

/** An artifact, and where its files go. */
export interface AskedArtifact {
  readonly reference: string;
  readonly directory: string;
}

type TitledFile = TitledLayer<InspectedLayer>;

/** What `Artifacts.fetchArtifact` does. */
export async function fetchArtifact(
  engine: FetchArtifactEngine,
  asked: AskedArtifact,
  options: FetchArtifactOptions,
): Promise<FetchedArtifact> {
  return await withinTime(`fetch artifact ${asked.reference}`, options, (timed) =>
    usingContent(engine, timed, async (own) => {
      using told = new ToldPlan({ id: randomUUID(), logger: engine.logger, onProgress: own.onProgress });
      const fetched = await fetchFiles(engine, asked, { ...own, onProgress: told.onStep, told });
      told.end();
      return fetched;
    }),
  );
}

/** Which files are fetched, and who is told. */
interface FetchFilesOptions extends Omit<FetchArtifactOptions, "onProgress"> {
  readonly signal: AbortSignal;
  readonly onProgress?: StepSink | undefined;
  /** Told the plan, and what of it has come. */
  readonly told?: ToldPlan | undefined;
}

/** The same within an operation that is counted already. */
export async function fetchFiles(
  engine: FetchArtifactEngine,
  { reference, directory }: AskedArtifact,
  options: FetchFilesOptions,
): Promise<FetchedArtifact> {
  const { titles, platform, from, auth, metaHeaders, signal, onProgress, told } = options;
  const access = { auth, metaHeaders, signal, onProgress };
  const artifact = await inspect(engine, reference, { platform, from, ...access });
  const { manifest } = artifact;
  const titled = titledLayers(artifact.layers);
  if (!manifest || (artifact.kind === "image" && titled.length === 0)) {
    const got = manifest
      ? "an image, none of whose layers has a title"
      : "no manifest that anybody here knows";
    throw new ErrInvalidArgument(`fetch artifact ${reference}: got ${got}, wanted files`, {
      digest: artifact.target.digest,
    });
  }
  const chosen = chooseTitles(titled, titles, reference);
  checkTogether(chosen);
  if (from === "local") for (const one of chosen) requireHere(one, artifact.reference);
  const verifiers = verifiersOf(engine.verify, options.verify);
  await verifyArtifact(artifact, { verifiers, content: engine.content, signal });
  await makeDirectory(directory);

  told?.plan(chosen.map(({ layer }) => plannedFile(layer)));
  const files = new Map<TitledFile, FetchedFile>();
  const fetch = async (one: TitledFile, own: AbortSignal): Promise<void> => {
    const context = { reference: artifact.reference, directory, options: { ...options, signal: own } };
    files.set(one, await (one.isDirectory ? makeDirectoryOf : makeFileOf)(engine, one, context));
    told?.complete([{ digest: one.layer.digest, before: bytesHere(one.layer) }]);
  };
  await forEachWithin(chosen, fetch, { limit: AT_ONCE, signal });
  const fetched = chosen.flatMap((one) => files.get(one) ?? []);
  return {
    reference: artifact.reference,
    manifest,
    artifactType: artifact.artifactType,
    annotations: artifact.annotations,
    files: fetched.map(({ file }) => file),
    untitled: artifact.layers.filter(({ annotations }) => annotations?.[TITLE] === undefined),
    missing: fetched.flatMap(({ missing }) => missing),
    passedOver: [...artifact.passedOver, ...fetched.flatMap(({ passedOver }) => passedOver)],
  };
}

function plannedFile(layer: InspectedLayer): PlannedItem {
  const { digest, size, mediaType } = layer;
  return { digest, size, mediaType, kind: "layer", bytesHere: bytesHere(layer), isComing: false };
}

function bytesHere({ isHere, size }: InspectedLayer): number {
  return isHere ? size : 0;
}

/** Those of these titles and below them. Throws `ErrNotFound` for a title that is not there. */
function chooseTitles(
  titled: readonly TitledFile[],
  titles: readonly string[] | undefined,
  reference: string,
): readonly TitledFile[] {
  if (!titles) return titled;
  const isMeant = (wanted: string, { title }: TitledFile): boolean =>
    title === wanted || title.startsWith(wanted.endsWith("/") ? wanted : `${wanted}/`);
  for (const wanted of titles) {
    if (titled.some((one) => isMeant(wanted, one))) continue;
    throw new ErrNotFound(`fetch artifact ${reference}: there is no file "${wanted}" in it`, { reference });
  }
  return titled.filter((one) => titles.some((wanted) => isMeant(wanted, one)));
}

function requireHere({ layer: { digest, isHere } }: TitledFile, reference: string): void {
  if (isHere) return;
  const message = `fetch artifact ${reference}: content ${digest} is not here`;
  throw new ErrNotFound(message, { digest, reference });
}

/** Where a file goes, and for whom. */
interface FileContext {
  /** Of the repository that has it. */
  readonly reference: string;
  readonly directory: string;
  readonly options: BlobOptions & { readonly signal: AbortSignal };
}

interface FetchedFile {
  readonly file: ArtifactFile;
  readonly missing: readonly string[];
  readonly passedOver: readonly PassedEndpoint[];
}

async function makeFileOf(
  engine: FetchArtifactEngine,
  titled: TitledFile,
  { reference, directory, options }: FileContext,
): Promise<FetchedFile> {
  const path = await wayToFile(directory, titled.path);
  const wanted = wantedContent({ reference, blob: titled.layer });
  const { endpoint, passedOver } = await bringToFile(engine, wanted, path, options);
  return { file: fileOf(titled, path, endpoint), missing: [], passedOver };
}

async function makeDirectoryOf(
  engine: FetchArtifactEngine,
  titled: TitledFile,
  { reference, directory, options }: FileContext,
): Promise<FetchedFile> {
  const wanted = wantedContent({ reference, blob: titled.layer });
  let endpoint: string | undefined;
  const passedOver: PassedEndpoint[] = [];
  async function* open(): AsyncGenerator<Uint8Array> {
    const { chunks, fetched } = streamWanted(engine, wanted, options);
    yield* chunks;
    const done = await fetched;
    endpoint = done.endpoint;
    passedOver.push(...done.passedOver);
  }
  const making = { directory, titled, signal: options.signal };
  const { path, missing } = await unpackDirectory(open, making);
  return { file: fileOf(titled, path, endpoint), missing, passedOver };
}

function fileOf(
  { title, layer, isDirectory }: TitledFile,
  path: string,
  endpoint: string | undefined,
): ArtifactFile {
  const { mediaType, digest, size } = layer;
  return { title, path, mediaType, digest, size, isDirectory, endpoint };
}
