import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { encodedOf } from "../../src/digest/digest.ts";
import { canRunContainerd, startContainerd } from "../../test/real/support/containerd.ts";
import { findPart } from "../../test/real/support/parts.ts";
import type { Sample } from "../driver/figures.ts";
import { withDaemon } from "../support/daemons.ts";
import type { ServedImage } from "../support/served-image.ts";

/** Bytes of each range that containerd asks for: what its documentation proposes. */
const RANGE_BYTES = 8 * 1024 * 1024;

/** How often it is looked whether a layer is there, in milliseconds. */
const LOOK_MS = 5;

/** What a containerd is to fetch, and how. */
export interface ParallelFetch {
  /** A folder that nobody has used, for all that it keeps. */
  readonly folder: string;
  /** What is measured. */
  readonly image: Pick<ServedImage, "reference" | "layers">;
  /** What it fetches before, so that all that it uses has started. */
  readonly before: Pick<ServedImage, "reference" | "layers">;
  readonly atOnce: number;
}

/** Whether there is a containerd that can run here and fetches layers in ranges: from 2.1 on. */
export async function hasParallelContainerd(folder: string): Promise<boolean> {
  if (!canRunContainerd || !findPart("containerd") || !findPart("ctr")) return false;
  await using daemon = await startContainerd({ folder });
  const { major, minor } = daemon.version;
  return major > 2 || (major === 2 && minor >= 1);
}

/** Has a containerd of its own fetch an image of one layer, and measures until that is in its store. It is not unpacked. */
export async function fetchByContainerd({ folder, image, before, atOnce }: ParallelFetch): Promise<Sample> {
  const ranges = { atOnce, bytes: RANGE_BYTES };
  await using daemon = await startContainerd({ folder, ranges });
  const place = { socket: daemon.socket, root: join(folder, "root") };
  await pull(before, place);
  return await withDaemon("containerd", async () => ({
    wallSeconds: await pull(image, place),
    cpuSeconds: 0,
  }));
}

/** Has the daemon at `socket`, which keeps everything in `root`, pull an image of one layer; how long it takes until that is there, in seconds. */
async function pull(
  { reference, layers: [layer] }: ParallelFetch["image"],
  { socket, root }: { readonly socket: string; readonly root: string },
): Promise<number> {
  const part = findPart("ctr");
  if (!part) throw new Error("Cannot fetch by containerd: there is no ctr");
  if (!layer) throw new Error("Cannot fetch by containerd: the image has no layer");
  const path = join(root, "io.containerd.content.v1.content", "blobs", "sha256", encodedOf(layer));
  const how = ["--plain-http", "--snapshotter", "native"];
  const start = performance.now();
  const client = spawn(part.path, ["--address", socket, "images", "pull", ...how, reference], {
    env: { ...process.env, ...part.env },
    stdio: "ignore",
  });
  const ended = once(client, "exit");
  await untilThere(path, client);
  const wallSeconds = (performance.now() - start) / 1_000;
  client.kill();
  await ended;
  return wallSeconds;
}

async function untilThere(path: string, client: ChildProcess): Promise<void> {
  while (!existsSync(path)) {
    if (client.exitCode !== null)
      throw new Error(`Cannot fetch by containerd: ctr ended with ${client.exitCode}`);
    await sleep(LOOK_MS);
  }
}
