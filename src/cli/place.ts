import { type Command, InvalidArgumentError } from "commander";
import type { DistributionOptions } from "../index.ts";

/** The options of commands that work on a containerd as well as on a data root. */
export interface PlaceCliOptions {
  readonly containerd?: string;
  readonly namespace?: string;
  readonly snapshotter?: string;
}

/** Where the images of a command are. */
export interface Place extends AsyncDisposable {
  /** What `openDistribution` takes for it; empty for the data root. */
  readonly parts: Pick<DistributionOptions, "content" | "images" | "layers">;
}

/** Adds `--containerd`, `--namespace` and `--snapshotter`. */
export function addPlaceOptions(command: Command): Command {
  return command
    .option(
      "--containerd <address>",
      "instead of the data root: a containerd, such as unix:///run/containerd/containerd.sock",
    )
    .option("--namespace <name>", "with --containerd: its namespace (default: default)")
    .option("--snapshotter <name>", "with --containerd: where layers are unpacked (default: overlayfs)");
}

/** The place that a command's options name. Throws as `openContainerd` does; the command closes it after its engine. */
export async function openPlace(
  { containerd: address, namespace, snapshotter }: PlaceCliOptions,
  signal: AbortSignal,
): Promise<Place> {
  if (address === undefined) {
    if (namespace !== undefined) throw new InvalidArgumentError("--namespace needs --containerd");
    if (snapshotter !== undefined) throw new InvalidArgumentError("--snapshotter needs --containerd");
    return { parts: {}, [Symbol.asyncDispose]: async () => {} };
  }
  const { openContainerd } = await import("../containerd.ts"); // gRPC takes longer to load than all the rest
  const containerd = await openContainerd({ address, namespace, snapshotter, signal });
  const { content, images, layers } = containerd;
  return { parts: { content, images, layers }, [Symbol.asyncDispose]: () => containerd.close() };
}
