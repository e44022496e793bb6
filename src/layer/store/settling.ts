import { execFile } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Digest } from "../../digest/digest.ts";
import { diskError, isMissingFile } from "../../disk/disk-error.ts";
import type { LayerLayout } from "./layer-layout.ts";

const run = promisify(execFile);

/**
 * How long after a layer was made it is written to the disk for certain, in milliseconds: by then the kernel has done nearly
 * all of it by itself (it begins after 30 s), so that nothing waits for it.
 */
const SETTLE_AFTER_MS = 60_000;

/** Empty file in the directory of a layer that no power cut can take anything from any more. */
const SETTLED_FILE = "settled";

/** Where Linux says which start of the machine this is. */
const BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";

let boot: Promise<string> | undefined;

/** Which start of the machine this is; empty where nothing says so. */
export async function bootId(): Promise<string> {
  boot ??= readFile(BOOT_ID_FILE, "utf8").then(
    (text) => text.trim(),
    () => "",
  );
  return await boot;
}

/**
 * Whether the files of a layer can be believed: it was made since the machine was started, or is settled. Others may have lost
 * anything with the power, and are made again. Throws the classes of `diskError`.
 */
export async function isSettled(directory: string, madeIn: string): Promise<boolean> {
  if (madeIn === (await bootId())) return true;
  const path = join(directory, SETTLED_FILE);
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    if (isMissingFile(cause)) return false;
    throw diskError("read layer", path, cause);
  }
}

/**
 * Sees to it that new layers survive a power cut, a while after they were made: syncing thousands of files at once would make
 * a pull wait for the disk (containerd does not sync layers either).
 */
export class Settling {
  readonly #layout: LayerLayout;
  readonly #fresh = new Set<Digest>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(layout: LayerLayout) {
    this.#layout = layout;
  }

  /** Notes a layer that was just made. */
  add(chainId: Digest): void {
    this.#fresh.add(chainId);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#running.then(() => this.#settle());
    }, SETTLE_AFTER_MS).unref();
  }

  /** Waits for what is being settled; what is not is made again after the next start of the machine. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Without the program nothing is settled, which costs time after a start and nothing else. */
  async #settle(): Promise<void> {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    await settle(this.#layout, fresh).catch(() => {}); // a layer may have been removed meanwhile
  }
}

/** Sees to it now that layers survive a power cut. Throws what the program and the file calls throw. */
export async function settle(layout: LayerLayout, chainIds: readonly Digest[]): Promise<void> {
  await run("sync", ["--file-system", "--", layout.layers]);
  for (const chainId of chainIds) await writeFile(join(layout.layerPath(chainId), SETTLED_FILE), "");
}

/** Does the same for those that are not settled yet. Returns whether all are now. */
export async function settleAll(layout: LayerLayout, chainIds: readonly Digest[]): Promise<boolean> {
  try {
    const fresh: Digest[] = [];
    for (const chainId of chainIds) {
      if (!(await isSettled(layout.layerPath(chainId), ""))) fresh.push(chainId);
    }
    if (fresh.length > 0) await settle(layout, fresh);
    return true;
  } catch {
    return false;
  }
}
