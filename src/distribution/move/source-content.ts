import type { AbortOptions } from "../../async/abort.ts";
import type { Waiter } from "../../async/waiting.ts";
import type { Payers } from "../../bandwidth/payers.ts";
import { exists } from "../../content/exists.ts";
import type { BlobReference, Info, InfoProvider, Provider, ReaderAt } from "../../content/store.ts";
import { unlessNotFound } from "../../content/unless-not-found.ts";
import type { Digest } from "../../digest/digest.ts";
import { ErrDataLoss, ErrNotFound } from "../../errors/classes.ts";
import { findError } from "../../errors/predicates.ts";
import { withMessage } from "../../errors/with-message.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { PushedContent } from "../../remotes/refused-bytes.ts";
import { ScratchContent } from "../pull/scratch-content.ts";
import type { BlobStream } from "./blob-stream.ts";
import { Passage } from "./passage.ts";
import { PassingReader } from "./passing-reader.ts";
import { WrongAnswers } from "./wrong-answers.ts";

/** On whose behalf one attempt reads. */
export interface ReadingAttempt extends AbortOptions {
  readonly waiter: Waiter;
  readonly payers: Payers;
}

/** Brings one content of the source into a stream, from endpoints that are not known for wrong bytes of it. */
export type BringPassing = (
  blob: Descriptor,
  stream: BlobStream,
  attempt: ReadingAttempt & { readonly wrong: WrongAnswers },
) => Promise<unknown>;

/** What is known of a blob by all attempts to read it. */
interface Read {
  passage: Passage;
  readonly wrong: WrongAnswers;
}

/** How contents pass. */
export interface PassingOptions {
  /** Whether they are checked here already; otherwise by who gets them, and here once that has refused them. */
  readonly isChecked: boolean;
}

/**
 * The content below a name at a registry, as a push reads it: documents in memory, blobs out of the store if they are there, and
 * otherwise while they come from the registry.
 */
export class SourceContent implements Provider, InfoProvider {
  readonly documents: ScratchContent;
  readonly #bring: BringPassing;
  readonly #isChecked: boolean;
  readonly #blobs = new Map<Digest, Descriptor>();
  readonly #read = new Map<Digest, Read>();

  constructor(store: InfoProvider & Provider, bring: BringPassing, { isChecked }: PassingOptions) {
    this.documents = new ScratchContent(store);
    this.#bring = bring;
    this.#isChecked = isChecked;
  }

  /** The source says that it has this blob. */
  has(blob: Descriptor): void {
    this.#blobs.set(blob.digest, blob);
  }

  /** What is here, and what the source says that it has. */
  async info(digest: Digest, options: AbortOptions = {}): Promise<Info> {
    const { documents } = this;
    const isHere = await exists(documents, digest, options); // costs no error where it is not, as nearly always
    const here = isHere ? await unlessNotFound(documents.info(digest, options)) : undefined;
    if (here) return here;
    const blob = this.#blobs.get(digest);
    if (!blob) throw new ErrNotFound(`content ${digest}: not found`, { digest });
    return { digest, size: blob.size, createdAtNs: 0n, updatedAtNs: 0n, labels: {} };
  }

  /** Documents, and what is here. */
  readerAt(reference: BlobReference, options: AbortOptions = {}): Promise<ReaderAt> {
    return this.documents.readerAt(reference, options);
  }

  /** All of it, for one attempt. */
  passing(attempt: ReadingAttempt): PushedContent {
    return {
      explainRefusal: async (refusal, blob) => this.#explain(refusal, blob),
      readerAt: async (reference, options) => {
        const blob = this.#blobs.get(reference.digest);
        if (!blob || (await exists(this.documents, reference, options))) {
          return await this.documents.readerAt(reference, options);
        }
        const isFirst = !this.#read.has(blob.digest);
        const { passage, wrong } = this.#readOf(blob);
        const reader = new PassingReader({
          blob,
          passage,
          signal: attempt.signal,
          bring: (stream, signal) =>
            ofSource(stream, () => this.#bring(blob, stream, { ...attempt, signal, wrong })),
        });
        if (isFirst) reader.begin(); // a later attempt may go on in the middle
        return reader;
      },
    };
  }

  #readOf(blob: Descriptor): Read {
    const { digest } = blob;
    const read = this.#read.get(digest) ?? {
      passage: new Passage(blob, this.#isChecked),
      wrong: new WrongAnswers(digest),
    };
    this.#read.set(digest, read);
    return read;
  }

  /** What was checked was right. Of what was not, nobody knows: it passes once more, and is checked. */
  #explain(refusal: unknown, blob: Descriptor): unknown {
    const { digest } = blob;
    const read = this.#read.get(digest);
    if (!read?.passage.isDoubtful) return refusal;
    read.passage = new Passage(blob, true);
    const message = `verify ${digest}: refused where it was copied to, and was not checked before`;
    return new ErrDataLoss(message, { digest, retryable: true, cause: refusal });
  }
}

/**
 * Does `work` at the source, of which all endpoints and attempts have their turn in it. What fails there for good is not the fault of
 * whoever gets the content, so its endpoint is no longer on the error, only on the cause. Wrong bytes that are on their way to him are no
 * end: another attempt begins again, with those who are left.
 */
async function ofSource<T>(stream: BlobStream, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const found = findError(error);
    if (found && stream.spoiled) throw withMessage(found, found.message, { retryable: true });
    if (found?.endpoint === undefined) throw error;
    throw withMessage(found, `copy from ${found.endpoint}: ${found.message}`, {
      endpoint: undefined,
      retryable: false,
    });
  }
}
