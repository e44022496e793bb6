import { expect } from "vitest";
import type {
  CopyResult,
  Distribution,
  FetchedArtifact,
  PlanProgress,
  Progress,
  ProgressSink,
  PushResult,
  SummaryProgress,
} from "../../../src/index.ts";

/** What an operation told, as far as it has to add up. */
class ToldProgress {
  #plan: PlanProgress | undefined;
  #summary: SummaryProgress | undefined;
  readonly #unplanned: Progress[] = [];

  note(progress: Progress): void {
    if (progress.kind === "plan") this.#plan = progress;
    if (progress.kind === "summary") this.#summary = progress;
    const isOfContent = progress.kind === "update" && progress.digest !== undefined;
    const isMoving = isOfContent && ["downloading", "uploading"].includes(progress.phase);
    if (isMoving && !this.#isPlanned(progress.digest)) this.#unplanned.push(progress);
  }

  /** The plan of a pull came first, and is what moved and what was here. */
  checkPull(served: ReadonlyArray<{ readonly digest: string; readonly bytes: number }>): void {
    for (const { digest, size, bytesHere: here, isComing } of this.#check()) {
      // Who joins a transfer is told all that it brought, and saw a part of it.
      const bytes = served.reduce((sum, one) => (one.digest === digest ? sum + one.bytes : sum), 0);
      if (!isComing) expect({ digest, bytes: bytes + here }).toEqual({ digest, bytes: size });
    }
  }

  /**
   * The plan of a push or a copy came first, and is what was sent and what was there, or came there without being sent.
   *
   * @param wasAlone whether nobody else sent something by the engine, which may have come there before it was asked for
   */
  checkPush(
    { taken, endpoint, images }: Pick<PushResult | CopyResult, "taken" | "endpoint" | "images">,
    wasAlone: boolean,
  ): void {
    const contents = this.#check();
    for (const { target } of images) expect(contents.map(({ digest }) => digest)).toContain(target.digest);
    for (const { digest, size, bytesHere } of contents) {
      const isSent = taken.some(
        (one) => one.digest === digest && one.how === "uploaded" && one.endpoint === endpoint,
      );
      const mayBeThere = isSent && !wasAlone && bytesHere === size;
      if (!mayBeThere) expect({ digest, bytesHere }).toEqual({ digest, bytesHere: isSent ? 0 : size });
    }
  }

  /** The plan of the files of an artifact came first, and is what moved and what was here. */
  checkFiles({ files }: FetchedArtifact): void {
    const contents = this.#check();
    expect(new Set(contents.map(({ digest }) => digest))).toEqual(new Set(files.map(({ digest }) => digest)));
    for (const { digest, endpoint } of files) {
      const { size, bytesHere } = contents.find((item) => item.digest === digest) ?? {};
      expect({ digest, bytesHere }).toEqual({ digest, bytesHere: endpoint === undefined ? size : 0 });
    }
  }

  /** What holds of all. The contents of the plan. */
  #check(): PlanProgress["contents"] {
    expect(this.#unplanned, "contents that moved before a plan told of them").toEqual([]);
    const { contents = [], totalBytes, bytesHere = 0 } = this.#plan ?? {};
    const { bytesDone, bytesTotal, bytesMoved } = this.#summary ?? {};
    expect(totalBytes).toBe(contents.reduce((sum, { size }) => sum + size, 0));
    expect({ bytesDone, bytesTotal, bytesMoved }).toEqual({
      bytesDone: totalBytes,
      bytesTotal: totalBytes,
      bytesMoved: contents.reduce((sum, item) => sum + item.size - item.bytesHere, 0),
    });
    expect(bytesHere).toBe(contents.reduce((sum, item) => sum + item.bytesHere, 0));
    return contents;
  }

  #isPlanned(digest: string | undefined): boolean {
    return this.#plan?.contents.some((item) => item.digest === digest) ?? false;
  }
}

/** Options of an operation that tells its progress. */
interface Watchable {
  readonly onProgress?: ProgressSink | undefined;
}

/** Runs an operation whose progress is watched: what it tells has to add up. */
async function watched<O extends Watchable, T>(
  options: O | undefined,
  run: (options: O | undefined) => Promise<T>,
  check: (told: ToldProgress, result: T) => void,
): Promise<T> {
  const told = new ToldProgress();
  const { onProgress } = options ?? {};
  let isChecked = options !== null && ["undefined", "function"].includes(typeof onProgress);
  const watching = {
    ...options,
    onProgress: (progress: Progress): unknown => {
      told.note(progress);
      try {
        return onProgress?.(progress);
      } catch (error) {
        isChecked = false; // it is told nothing more
        throw error;
      }
    },
  } as unknown as O;
  const result = await run(isChecked ? watching : options);
  if (isChecked) check(told, result);
  return result;
}

/** `pull`, `push`, `copy` and `fetchArtifact` of an engine, each call of which is watched: what it tells has to add up. */
export function checkedMoves(
  engine: Distribution,
): Pick<Distribution, "pull" | "push" | "copy" | "fetchArtifact"> {
  const pull = engine.pull.bind(engine);
  const push = engine.push.bind(engine);
  const copy = engine.copy.bind(engine);
  const fetchArtifact = engine.fetchArtifact.bind(engine);
  const sending = new Set<{ wasAlone: boolean }>();
  const sent = async <O extends Watchable, T extends PushResult | CopyResult>(
    options: O | undefined,
    run: (options: O | undefined) => Promise<T>,
  ): Promise<T> => {
    const own = { wasAlone: sending.size === 0 };
    for (const other of sending) other.wasAlone = false;
    sending.add(own);
    try {
      return await watched(options, run, (told, result) => told.checkPush(result, own.wasAlone));
    } finally {
      sending.delete(own);
    }
  };
  return {
    pull: (reference, options) =>
      watched(
        options,
        (own) => pull(reference, own),
        (told, { served }) => told.checkPull(served),
      ),
    push: (reference, options) => sent(options, (own) => push(reference, own)),
    fetchArtifact: (reference, directory, options) =>
      watched(
        options,
        (own) => fetchArtifact(reference, directory, own),
        (told, fetched) => told.checkFiles(fetched),
      ),
    copy: (from, to, options) => sent(options, (own) => copy(from, to, own)),
  };
}
