import { type Digest, digestOf, shortId } from "../../src/digest/digest.ts";
import type { DownloadContext, DownloadDescriptor } from "../../src/xfer/layer.ts";

/** A layer whose downloads the test ends. Equal names are equal blobs. */
export class FakeLayer implements DownloadDescriptor {
  readonly key: string;
  readonly id: string;
  readonly digest: Digest;
  readonly diffId: Digest | undefined;
  /** Whether `exists` says so. */
  present = false;
  /** How often `exists` was asked. */
  checks = 0;
  /** The context of each attempt, oldest first. */
  readonly attempts: DownloadContext[] = [];
  /** Whether an attempt is under way. */
  running = false;
  readonly #outcomes: Array<PromiseWithResolvers<void>> = [];

  constructor(name: string, { diffId = digestOf(`diff of ${name}`) }: { diffId?: Digest | "unknown" } = {}) {
    this.digest = digestOf(name);
    this.key = `layer-${this.digest}`;
    this.id = shortId(this.digest);
    this.diffId = diffId === "unknown" ? undefined : diffId;
  }

  exists(): Promise<boolean> {
    this.checks++;
    return Promise.resolve(this.present);
  }

  async download(context: DownloadContext): Promise<void> {
    const outcome = Promise.withResolvers<void>();
    this.attempts.push(context);
    this.#outcomes.push(outcome);
    context.signal.addEventListener("abort", () => outcome.reject(context.signal.reason));
    this.running = true;
    try {
      await outcome.promise;
    } finally {
      this.running = false;
    }
  }

  /** The newest attempt. */
  get attempt(): DownloadContext {
    const attempt = this.attempts.at(-1);
    if (!attempt) throw new Error("download was not called");
    return attempt;
  }

  finish(): void {
    this.#outcomes.at(-1)?.resolve();
  }

  fail(error: unknown): void {
    this.#outcomes.at(-1)?.reject(error);
  }
}
