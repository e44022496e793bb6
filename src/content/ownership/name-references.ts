import { dirname, join } from "node:path";
import { BoundedMap } from "../../async/bounded-map.ts";
import { algorithmOf, type Digest, digestOf } from "../../digest/digest.ts";
import { diskError } from "../../disk/disk-error.ts";
import { openRegularFile } from "../../disk/open-regular-file.ts";
import { ErrDataLoss } from "../../errors/classes.ts";
import { isNotFound } from "../../errors/predicates.ts";
import { CONTAINERD_NAME, needsLayerBlobs, OCI_NAME } from "../../oci/annotations.ts";
import {
  digestsIn,
  documentReferences,
  isDocumentType,
  labelledReferences,
  listOf,
  parseObject,
  type Referred,
  referredBy,
} from "./document-references.ts";

/** An entry of `index.json`, by whomever it was made. */
export interface NamedRoot extends Referred {
  /** Absent for an entry of another tool that has none. */
  readonly name?: string | undefined;
  /** Whether it needs the blobs of its layers; otherwise these are unpacked. */
  readonly needsLayers: boolean;
}

/** What is needed: with everything below it, unless it says otherwise. */
type Needed = Referred & Partial<Pick<NamedRoot, "needsLayers">>;

/** Where documents and their labels are read. */
export interface DocumentSource {
  /** The bytes of a document; `undefined` when it is not there, or larger than a document may be. */
  read(digest: Digest): Promise<Uint8Array | undefined>;
  /** The labels of a blob; none for one that is not there. */
  labels(digest: Digest): Promise<Readonly<Record<string, string>>>;
}

/** What names are read with. */
export interface NameReferencesParts {
  readonly indexPath: string;
  readonly documents: DocumentSource;
  /** Told of a document that cannot be read; what else refers to its content is not known. */
  readonly onDamaged: (digest: Digest, error: unknown) => void;
}

/** Documents whose references are kept in memory, about 1 KiB each. */
const MAX_DOCUMENTS_KNOWN = 20_000;

/**
 * What the names of a root need. A document never changes, so each is read once, however often it is asked
 * about; only the small list of names is read each time.
 */
export class NameReferences {
  readonly #parts: NameReferencesParts;
  readonly #known = new BoundedMap<Digest, readonly Referred[]>(MAX_DOCUMENTS_KNOWN);

  constructor(parts: NameReferencesParts) {
    this.#parts = parts;
  }

  /**
   * What must stay: the targets of all names, and entries of other tools that have no name. Throws
   * `ErrDataLoss` for an `index.json` that is damaged, because then nothing is known to be free, and the
   * classes of `diskError`.
   */
  async roots(): Promise<readonly NamedRoot[]> {
    const { indexPath } = this.#parts;
    const bytes = await readIfThere(indexPath);
    if (!bytes) {
      if (!(await isLayout(indexPath))) return []; // a store of blobs alone
      throw new ErrDataLoss(`read index "${indexPath}": it is missing from an OCI layout`);
    }
    const index = parseObject(bytes);
    if (!index) throw new ErrDataLoss(`read index "${indexPath}": not a JSON object`);
    return listOf(index["manifests"]).flatMap((entry) =>
      referredBy(entry).map((root) => ({
        ...root,
        name: nameOf(entry),
        needsLayers: needsLayerBlobs(entry as object),
      })),
    );
  }

  /**
   * The digests of `roots` and of everything below them, parents first, whether or not it is there. A
   * document that cannot be read counts with what is known of it: its labels, and every digest in what is
   * left of it. Layers below roots that do not need them are left out, unless others do.
   */
  async reach(roots: readonly Needed[]): Promise<ReadonlySet<Digest>> {
    const found = new Set<Digest>();
    const [light, whole] = [roots.filter(isLight), roots.filter((root) => !isLight(root))];
    await this.#reachInto(found, whole, () => true);
    await this.#reachInto(found, light, ({ isLayer }) => isLayer !== true);
    return found;
  }

  async #reachInto(
    found: Set<Digest>,
    roots: readonly Referred[],
    isNeeded: (referred: Referred) => boolean,
  ): Promise<void> {
    const opened = new Set<Digest>();
    let level = roots;
    while (level.length > 0) {
      const next: Referred[] = [];
      for (const referred of level) {
        found.add(referred.digest);
        if (opened.has(referred.digest) || !isDocumentType(referred.mediaType)) continue;
        opened.add(referred.digest);
        next.push(...(this.#known.get(referred.digest) ?? (await this.#read(referred))).filter(isNeeded));
      }
      level = next;
    }
  }

  /**
   * The name of an image that needs the content, or its digest where it has no name; `undefined` when none
   * does.
   */
  async holder(digest: Digest): Promise<string | undefined> {
    const roots = await this.roots();
    if (!(await this.reach(roots)).has(digest)) return undefined;
    for (const root of roots) {
      if ((await this.reach([root])).has(digest)) return root.name ?? root.digest;
    }
    return undefined;
  }

  async #read({ digest, mediaType }: Referred): Promise<readonly Referred[]> {
    const bytes = await this.#bytes(digest);
    const isWhole = bytes !== undefined && digestOf(bytes, algorithmOf(digest)) === digest;
    const references = isWhole ? documentReferences(bytes) : undefined;
    if (references) {
      this.#known.set(digest, references);
      return references;
    }
    if (bytes !== undefined) {
      if (mediaType === undefined) return []; // nobody says that it is a document
      this.#parts.onDamaged(digest, new ErrDataLoss(`read document ${digest}: it is damaged`, { digest }));
    }
    // Of one that was set aside, or that the disk does not give, the labels still tell.
    return [...digestsIn(bytes ?? new Uint8Array()), ...(await this.#labelled(digest))];
  }

  async #bytes(digest: Digest): Promise<Uint8Array | undefined> {
    try {
      return await this.#parts.documents.read(digest);
    } catch (error) {
      this.#parts.onDamaged(digest, error);
      return undefined;
    }
  }

  async #labelled(digest: Digest): Promise<readonly Referred[]> {
    try {
      return labelledReferences(await this.#parts.documents.labels(digest));
    } catch (error) {
      this.#parts.onDamaged(digest, error);
      return [];
    }
  }
}

function isLight({ needsLayers = true }: Needed): boolean {
  return !needsLayers;
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const { handle } = await openRegularFile("read index", path);
    await using file = handle;
    return await file.readFile();
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    throw diskError("read index", path, cause);
  }
}

/** The marker comes after the index: where it is, a missing index was lost. */
async function isLayout(indexPath: string): Promise<boolean> {
  return (await readIfThere(join(dirname(indexPath), "oci-layout"))) !== undefined;
}

function nameOf(entry: unknown): string | undefined {
  const { annotations } = entry as {
    annotations?: Readonly<Record<string, unknown>> | null;
  };
  const name = annotations?.[CONTAINERD_NAME] ?? annotations?.[OCI_NAME];
  return typeof name === "string" ? name : undefined;
}
