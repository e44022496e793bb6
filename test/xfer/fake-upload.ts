import { digestOf, shortId } from "../../src/digest/digest.ts";
import type { TransferContext } from "../../src/xfer/transfer-context.ts";
import type { UploadDescriptor } from "../../src/xfer/upload.ts";

/** A blob whose uploads the test ends. Equal names are equal blobs. */
export class FakeUpload implements UploadDescriptor {
  readonly key: string;
  readonly id: string;
  /** The context of each attempt, oldest first. */
  readonly attempts: TransferContext[] = [];
  /** Whether an attempt is under way. */
  running = false;
  readonly #outcomes: Array<PromiseWithResolvers<string>> = [];

  constructor(name: string) {
    this.key = `upload ${name}`;
    this.id = shortId(digestOf(name));
  }

  async upload(context: TransferContext): Promise<string> {
    const outcome = Promise.withResolvers<string>();
    this.attempts.push(context);
    this.#outcomes.push(outcome);
    context.signal.addEventListener("abort", () => outcome.reject(context.signal.reason));
    this.running = true;
    try {
      return await outcome.promise;
    } finally {
      this.running = false;
    }
  }

  /** The newest attempt. */
  get attempt(): TransferContext {
    const attempt = this.attempts.at(-1);
    if (!attempt) throw new Error("upload was not called");
    return attempt;
  }

  finish(status = "Pushed"): void {
    this.#outcomes.at(-1)?.resolve(status);
  }

  fail(error: unknown): void {
    this.#outcomes.at(-1)?.reject(error);
  }
}
