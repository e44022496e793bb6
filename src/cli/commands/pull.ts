import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { findError } from "../../errors.ts";
import { parseNormalizedNamed } from "../../reference.ts";
import { metaHeadersOf } from "../credentials.ts";
import { type NamedTarget, pinnedName } from "../image-names.ts";
import { openInto, parseInto } from "../into.ts";
import {
  addPullOptions,
  addRegistryOptions,
  openRoot,
  type RegistryCliOptions,
  registryOptions,
} from "../options.ts";
import { printLines, tell } from "../output.ts";
import { addPlaceOptions, openPlace, type PlaceCliOptions } from "../place.ts";
import { printPlan } from "../print-plan.ts";
import { type ProgressCliOptions, progressOption, withReporter } from "../progress/with-reporter.ts";
import { RegistryNotices } from "../registry-notices.ts";
import { servedFacts, servedLines } from "../served-by.ts";
import { tellLacking } from "../tell-lacking.ts";
import { withTimeline } from "../timeline-files.ts";
import { addTotalTimeout } from "../timeouts.ts";

/** Most threads that receive large layers; this one is another. */
const MAX_WORKERS = 3;

interface PullCliOptions extends RegistryCliOptions, ProgressCliOptions, PlaceCliOptions {
  readonly platform?: string;
  readonly timeout?: number;
  readonly allPlatforms?: boolean;
  readonly allTags?: boolean;
  readonly unpack?: boolean;
  readonly blobs?: boolean;
  readonly dryRun?: boolean;
  readonly into?: string;
  readonly timeline?: string;
}

/** `drayage pull REF` */
export function addPullCommand(program: Command, signal: AbortSignal): void {
  const command = program.command("pull").description("pull an image from a registry").argument("<ref>");
  addPlaceOptions(addTotalTimeout(addPullOptions(addRegistryOptions(command))))
    .option("--platform <os/arch[/variant]>", "image to take out of an index (default: this machine's)")
    .option("--all-platforms", "take every image of an index")
    .option("-a, --all-tags", "pull every tag of the repository")
    .option("--unpack", "unpack the layers as well, ready for a root file system; a containerd always does")
    .option("--no-blobs", "with --unpack: keep no blobs of layers that are unpacked")
    .option(
      "--into <engine>",
      "engine to bring it to: docker://[/PATH] or containerd://[/PATH][?namespace=NAME]",
    )
    .option("--dry-run", "only tell what would be downloaded, and what of it is here")
    .option("--timeline <file>", "write what took how long to <file>.svg and <file>.json")
    .option("-q, --quiet", "print only the full name and digest")
    .addOption(progressOption())
    .action((reference: string, options: PullCliOptions) => pull(reference, options, signal));
}

/** A thread costs a tenth of a second of CPU time to start, and this one has nothing else to do. */
function threadsBesideThis(): number {
  return Math.min(availableParallelism() - 1, MAX_WORKERS);
}

async function pull(reference: string, options: PullCliOptions, signal: AbortSignal): Promise<void> {
  refuseContradictions(options);
  const { domain } = parseNormalizedNamed(reference);
  const metaHeaders = await metaHeadersOf(options);
  const { unpack: layers = false, blobs: keepBlobs = true } = options;
  const into = await openInto(options.into, signal);
  await using place = await openPlace(into?.place ?? options, signal);
  const parts = { ...registryOptions(options, [domain]), layers, ...place.parts };
  const workers = parts.layers ? undefined : threadsBesideThis(); // the default knows best what unpacking leaves
  await using distribution = await openRoot(options, { ...parts, workers });
  using _ = new RegistryNotices(distribution);
  const wanted = {
    platform: options.platform,
    allPlatforms: options.allPlatforms,
    metaHeaders,
    timeoutMs: options.timeout,
    signal,
  };
  if (into?.docker && !options.dryRun) {
    const { docker } = into;
    const { reference: name, digest } = await withReporter(options, (onProgress) =>
      withTimeline(options.timeline, () =>
        docker.pull(distribution, reference, {
          platform: options.platform,
          metaHeaders,
          signal,
          onProgress,
        }),
      ),
    );
    printNames([{ name, target: { digest } }], options);
    return;
  }
  if (options.dryRun) {
    const plan = await distribution.plan(reference, wanted);
    if (options.quiet) printNames([{ name: plan.reference, target: plan.target }], options);
    else printPlan(plan);
    return;
  }
  tellLacking(distribution);
  const pulling = withReporter(
    options,
    (onProgress) =>
      withTimeline(options.timeline, () =>
        distribution.pull(reference, {
          ...wanted,
          allTags: options.allTags,
          keepBlobs,
          onProgress,
        }),
      ),
    servedFacts,
  );
  const result = await pulling.catch((error: unknown) => {
    // Of several tags some may be there although others failed.
    const done = findError(error)?.images ?? [];
    printNames(
      done.map(({ name, digest }) => ({ name, target: { digest } })),
      options,
    );
    throw error;
  });
  const { images } = result;
  // Otherwise they are among the lines of the progress.
  if (options.quiet) for (const warning of images.flatMap(({ warnings }) => warnings)) tell(warning);
  printNames(images, options);
  if (!options.quiet && options.progress !== "json") for (const line of await servedLines(result)) tell(line);
}

function refuseContradictions(options: PullCliOptions): void {
  const { unpack = false, blobs = true, dryRun, allTags, into, containerd, allPlatforms, timeline } = options;
  const isDocker = into !== undefined && parseInto(into).kind === "docker";
  if (into !== undefined && containerd !== undefined)
    throw new InvalidArgumentError("--into names the engine, --containerd too");
  if (isDocker && (unpack || !blobs))
    throw new InvalidArgumentError("--into docker:// unpacks itself, and keeps no blobs");
  if (isDocker && (allTags || allPlatforms))
    throw new InvalidArgumentError("--into docker:// takes one image at a time");
  if (!blobs && !unpack) throw new InvalidArgumentError("--no-blobs wants --unpack as well");
  if (dryRun && timeline !== undefined)
    throw new InvalidArgumentError("--dry-run moves nothing that --timeline could tell of");
  if (dryRun && allTags) throw new InvalidArgumentError("--dry-run tells of one image, not of --all-tags");
}

/** Names what is there, with its digest for a program that reads it; docker's JSON has no such line. */
function printNames(done: readonly NamedTarget[], { progress, quiet = false }: PullCliOptions): void {
  if (progress === "json" && !quiet) return;
  printLines(...done.map((image) => (quiet ? pinnedName(image) : image.name)));
}
