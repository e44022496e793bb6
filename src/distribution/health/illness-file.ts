import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../../async/clock.ts";
import type { Release } from "../../async/keyed-lock.ts";
import { tryLockFile } from "../../disk/file-lock.ts";
import { type HintOptions, readHint, removeHint } from "../../disk/hint-file.ts";
import { makeDirectory, makeLockDirectory } from "../../disk/make-directory.ts";
import { readOnlyRoot } from "../../disk/read-only-root.ts";
import { isTemporary, sweepTemporaryFiles } from "../../disk/temporary-files.ts";
import { writeFileAtomic } from "../../disk/write-file-atomic.ts";
import { type Illness, MAX_FAILURES, stageOf } from "./illness.ts";

/** Longest file that is read, in bytes. */
const MAX_FILE_BYTES = 4_096;

/** Longest reason that is kept, in characters. */
const MAX_WHY_CHARS = 512;

/** An illness as a file has it. */
interface StoredIllness extends Illness {
  readonly origin: string;
}

const STORED: HintOptions<StoredIllness> = {
  action: "read state of endpoint",
  maxBytes: MAX_FILE_BYTES,
  isHint: isIllness,
};

const FORGET = "forget state of endpoint";

/**
 * The illnesses of endpoints in a data root, one small file each, for all processes that share it. A file that cannot be
 * understood is none: what is lost with it is one time-out. The methods throw the classes of `diskError`.
 */
export class IllnessFiles {
  readonly #directory: string;
  readonly #locks: string;
  readonly #clock: Clock;

  readonly #isReadOnly: boolean;

  /**
   * @param root the data root; `<root>/endpoints` is made with the first illness
   * @param readOnly whether whatever writes is refused
   */
  constructor(
    root: string,
    clock: Clock = systemClock,
    { readOnly = false }: { readonly readOnly?: boolean | undefined } = {},
  ) {
    this.#isReadOnly = readOnly;
    this.#clock = clock;
    this.#directory = join(root, "endpoints");
    this.#locks = join(root, "locks");
  }

  /** The illness of an endpoint by its origin; `undefined` when none is known. */
  async read(origin: string): Promise<Illness | undefined> {
    const found = await readHint(this.#path(origin), STORED);
    return found?.origin === origin ? found : undefined;
  }

  /** Keeps an illness in the place of what was known before. */
  async write(origin: string, illness: Illness): Promise<void> {
    this.#assertWritable();
    await makeDirectory(this.#directory);
    const why = illness.why.slice(0, MAX_WHY_CHARS);
    await writeFileAtomic(this.#path(origin), JSON.stringify({ ...illness, why, origin }), { isHint: true });
  }

  /** Forgets what is known of an endpoint. */
  async forget(origin: string): Promise<void> {
    this.#assertWritable();
    await removeHint(FORGET, this.#path(origin));
  }

  /**
   * Forgets illnesses that say nothing any more, of endpoints that nobody asks again, and removes what killed processes left.
   */
  async prune(): Promise<void> {
    await sweepTemporaryFiles(this.#directory);
    for (const name of await readdir(this.#directory).catch(() => [])) {
      if (isTemporary(name)) continue;
      const path = join(this.#directory, name);
      const found = await readHint(path, STORED).catch(() => undefined); // a folder or a pipe is no illness either
      const isKept = found && nameOf(found.origin) === name && stageOf(found, this.#clock.now()) !== "over";
      if (!isKept) await removeHint(FORGET, path);
    }
  }

  /** The right to be the one who finds out how an endpoint is; `undefined` while somebody else has it. */
  async tryLock(origin: string): Promise<Release | undefined> {
    this.#assertWritable();
    await makeLockDirectory(this.#locks);
    const path = join(this.#locks, `endpoint-${nameOf(origin)}`);
    return tryLockFile(path, "exclusive", { removeOnRelease: true });
  }

  #assertWritable(): void {
    if (this.#isReadOnly) throw readOnlyRoot("keep state of endpoint");
  }

  #path(origin: string): string {
    return join(this.#directory, nameOf(origin));
  }
}

function nameOf(origin: string): string {
  return createHash("sha256").update(origin).digest("hex");
}

function isIllness(value: unknown): value is StoredIllness {
  if (typeof value !== "object" || value === null) return false;
  const { failures, atMs, restMs, unreachable, why, origin } = value as Record<string, unknown>;
  const isCount = Number.isInteger(failures) && Number(failures) > 0 && Number(failures) <= MAX_FAILURES;
  const isTime = [atMs, restMs].every((time) => Number.isFinite(time) && Number(time) >= 0);
  const areTexts = typeof why === "string" && typeof origin === "string";
  return isCount && isTime && areTexts && typeof unreachable === "boolean";
}
