import type { AbortOptions } from "../async/abort.ts";
import type { BackoffPolicy } from "../async/backoff.ts";
import { forEachWithin } from "../async/for-each-within.ts";
import { JoinableCalls } from "../async/joinable-calls.ts";
import { retry } from "../async/retry.ts";
import type { StartCall } from "../async/shared-calls.ts";
import type { Digest } from "../digest/digest.ts";
import { ErrOutOfRange } from "../errors/classes.ts";
import type { JsonObject } from "../oci/json-object.ts";
import { type HistoryEntry, parseV1Image } from "../oci/parse-v1-image.ts";
import type { NormalizedReference } from "../reference/reference.ts";
import { type Endpoint, originOf } from "../registry/endpoints/endpoint.ts";
import type { V1Client, V1ImageFacts } from "../registry/v1/v1-client.ts";
import { blaming } from "./blame.ts";
import { contentOf } from "./body-content.ts";
import { RangeTrials } from "./range-trials.ts";
import type { AskOptions, FetchOptions, RemoteContent } from "./remote.ts";
import type { Source } from "./source.ts";

/** Documents of one image that are asked for at the same time. */
const MAX_CONCURRENT_DOCUMENTS = 4;

/** All documents of one image together, in bytes: a hundred of the longest that builds make. */
const MAX_DOCUMENTS_BYTES = 16 * 1024 * 1024;

/** One of the images that an image of version 1 is made of, each of which brings one layer. */
export interface V1Layer {
  /** Id of that image. */
  readonly id: string;
  readonly history: HistoryEntry;
  /** The document about it, for checksums. */
  readonly json: Uint8Array;
  /** Bytes of the layer as it is sent, when the registry knows. */
  readonly size: number | undefined;
  /** See `V1ImageFacts`. */
  readonly checksums: readonly Digest[];
}

/** An image of version 1. */
export interface V1Image {
  /** The document about it. */
  readonly top: JsonObject;
  /** From the base up. */
  readonly layers: readonly V1Layer[];
}

/** How an image is asked for. */
export interface V1ImageOptions extends AskOptions {
  /** Called for each document that has come. */
  readonly onDocument?: (() => void) | undefined;
}

/** A layer on its way. */
export interface V1Content extends RemoteContent {
  /** Size of the whole in bytes, when anybody says. */
  readonly size: number | undefined;
}

/** What a remote of version 1 is made of. */
export interface V1RemoteOptions {
  readonly endpoint: Endpoint;
  readonly source: Source;
  readonly backoff: BackoffPolicy;
}

/** A repository at one endpoint that speaks version 1; for all who are the same user there. */
export class V1Remote {
  /** Origin of the endpoint, for errors. */
  readonly endpoint: string;
  /** Whom a failure is blamed on, together with all who ask the same with the same identity. */
  readonly source: Source;
  readonly backoff: BackoffPolicy;
  /**
   * Says where layers are one and the same by their ids: an id is what the registry says it is, so what came over a
   * connection that was not verified is nothing to those whose connection is.
   */
  readonly layersFrom: string;
  readonly #client: V1Client;
  readonly #tags = new JoinableCalls<string>();
  readonly #ranges = new RangeTrials();

  constructor(client: V1Client, { endpoint, source, backoff }: V1RemoteOptions) {
    this.#client = client;
    this.endpoint = originOf(endpoint);
    this.source = source;
    this.backoff = backoff;
    this.layersFrom = `${endpoint.baseUrl}${endpoint.tls?.skipVerify ? " (not verified)" : ""}`;
  }

  /** The id of the image that a tag points at. Insists as the back-off says. */
  async imageOf({ tag = "latest" }: NormalizedReference, options: AskOptions = {}): Promise<string> {
    const { signal, waiter } = options;
    const ask: StartCall<string> = (shared, sharers) =>
      this.#client.imageOf(tag, { signal: shared, waiter: sharers });
    const reason = { code: "host", words: `Waiting for ${new URL(this.endpoint).host}` } as const;
    return await this.#insist(options, () => this.#tags.run(tag, ask, { reason, signal, waiter }));
  }

  /** Every tag of the repository. Throws like `imageOf`. */
  async tags(options: AskOptions = {}): Promise<readonly string[]> {
    return await this.#insist(options, () => this.#client.tags(options));
  }

  /**
   * What the registry says of an image and all below it. Throws `ErrInvalidArgument` for documents that contradict each other,
   * `ErrOutOfRange` when they are too long together, and like `imageOf`.
   */
  async image(id: string, { onDocument = () => {}, ...options }: V1ImageOptions = {}): Promise<V1Image> {
    const ids = await this.#insist(options, () => this.#client.ancestry(id, options));
    const facts = new Map<string, V1ImageFacts>();
    let bytes = 0;
    const ask = async (layerId: string, signal: AbortSignal): Promise<void> => {
      const asked = { ...options, signal };
      const found = await this.#insist(asked, () => this.#client.image(layerId, asked));
      bytes += found.json.byteLength;
      if (bytes > MAX_DOCUMENTS_BYTES) throw this.#tooLong(id);
      facts.set(layerId, found);
      onDocument();
    };
    await forEachWithin(ids, ask, { limit: MAX_CONCURRENT_DOCUMENTS, signal: options.signal });
    return await blaming(this.endpoint, async () => assemble(ids, facts));
  }

  /** Opens a layer, from an offset if the registry can: one attempt. */
  async openLayer(
    { id, size }: Pick<V1Layer, "id" | "size">,
    { offset = 0, flow, signal, waiter }: FetchOptions,
  ): Promise<V1Content> {
    const opened = await blaming(this.endpoint, () =>
      this.#ranges.open(id, offset, (from) =>
        this.#client.openLayer(id, { offset: from, size, flow, signal, waiter }),
      ),
    );
    return { ...contentOf(opened, this.endpoint), size: size ?? opened.size };
  }

  #insist<T>({ signal, waiter }: AskOptions & AbortOptions, ask: () => Promise<T>): Promise<T> {
    return retry(() => blaming(this.endpoint, ask), { policy: this.backoff, signal, waiter });
  }

  #tooLong(id: string): ErrOutOfRange {
    const message = `get image ${id}: its documents have more than ${MAX_DOCUMENTS_BYTES} bytes together`;
    return new ErrOutOfRange(message, { endpoint: this.endpoint });
  }
}

function assemble(ids: readonly string[], facts: ReadonlyMap<string, V1ImageFacts>): V1Image {
  let top: JsonObject = {};
  const layers = ids.map((id, at): V1Layer => {
    const { json = new Uint8Array(), layerSize: size, checksums = [] } = facts.get(id) ?? {};
    const { history, fields } = parseV1Image(json, { id, parent: ids[at + 1], maxBytes: json.byteLength });
    if (at === 0) top = fields;
    return { id, history, json, size, checksums };
  });
  return { top, layers: layers.toReversed() };
}
