import { expect } from "vitest";
import type {
  Distribution,
  PlanProgress,
  Progress,
  PullOptions,
  SummaryProgress,
} from "../../../src/index.ts";

/** What a pull told, as far as it has to add up. */
class ToldProgress {
  #plan: PlanProgress | undefined;
  #summary: SummaryProgress | undefined;
  readonly #unplanned: Progress[] = [];

  note(progress: Progress): void {
    if (progress.kind === "plan") this.#plan = progress;
    if (progress.kind === "summary") this.#summary = progress;
    const isOfContent = progress.kind === "update" && progress.digest !== undefined;
    if (isOfContent && progress.phase === "downloading" && !this.#isPlanned(progress.digest)) {
      this.#unplanned.push(progress);
    }
  }

  /** The plan came first, and is what moved and what was here. */
  check(served: ReadonlyArray<{ readonly digest: string; readonly bytes: number }>): void {
    expect(this.#unplanned, "contents that came before a plan told of them").toEqual([]);
    const { contents = [], totalBytes, bytesHere = 0 } = this.#plan ?? {};
    const { bytesDone, bytesTotal, bytesMoved } = this.#summary ?? {};
    expect(totalBytes).toBe(contents.reduce((sum, { size }) => sum + size, 0));
    expect({ bytesDone, bytesTotal, bytesMoved }).toEqual({
      bytesDone: totalBytes,
      bytesTotal: totalBytes,
      bytesMoved: contents.reduce((sum, item) => sum + item.size - item.bytesHere, 0),
    });
    for (const { digest, size, bytesHere: here, isComing } of contents) {
      // Who joins a transfer is told all that it brought, and saw a part of it.
      const bytes = served.reduce((sum, one) => (one.digest === digest ? sum + one.bytes : sum), 0);
      if (!isComing) expect({ digest, bytes: bytes + here }).toEqual({ digest, bytes: size });
    }
    expect(bytesHere).toBe(contents.reduce((sum, item) => sum + item.bytesHere, 0));
  }

  #isPlanned(digest: string | undefined): boolean {
    return this.#plan?.contents.some((item) => item.digest === digest) ?? false;
  }
}

/** `pull` of an engine, each call of which is watched: what it tells has to add up. */
export function checkedPull(engine: Distribution): Distribution["pull"] {
  const pull = engine.pull.bind(engine);
  return async (reference, options) => {
    const told = new ToldProgress();
    const { onProgress } = options ?? {};
    let isChecked = options !== null && ["undefined", "function"].includes(typeof onProgress);
    const watched: PullOptions = {
      ...options,
      onProgress: (progress): unknown => {
        told.note(progress);
        try {
          return onProgress?.(progress);
        } catch (error) {
          isChecked = false; // it is told nothing more
          throw error;
        }
      },
    };
    const result = await pull(reference, isChecked ? watched : options);
    if (isChecked) told.check(result.served);
    return result;
  };
}
