import { describe, expect, it } from "vitest";
import type { InfoProvider, Provider, ReaderAt } from "../../src/content/store.ts";
import { type Digest, digestOf } from "../../src/digest/digest.ts";
import { ErrInvalidArgument, ErrNotFound } from "../../src/errors.ts";
import { ImageFinder } from "../../src/images/image-finder.ts";
import { ImageIds } from "../../src/images/image-ids.ts";
import type { Image } from "../../src/images/image-store.ts";
import type { Descriptor, Platform } from "../../src/oci/descriptor.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-types.ts";
import { only } from "../../src/platform/matcher.ts";
import { platform } from "./support.ts";

/** Names and documents in memory, which counts what is read. */
class Shelf implements Provider, InfoProvider {
  readonly images: Image[] = [];
  readonly finder: ImageFinder;
  reads = 0;
  readonly #blobs = new Map<Digest, Uint8Array>();

  constructor() {
    const ids = new ImageIds(this, () => only(platform("linux/amd64")));
    const list = async (): Promise<readonly Image[]> =>
      this.images.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.finder = new ImageFinder({ list }, ids);
  }

  /** A manifest whose config is this text. */
  manifest(config: string): Descriptor {
    const described = { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length };
    return this.#put(OCI_MANIFEST, { schemaVersion: 2, config: described, layers: [] });
  }

  index(...entries: ReadonlyArray<Descriptor & { platform?: Platform }>): Descriptor {
    return this.#put(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries });
  }

  name(name: string, target: Descriptor): void {
    this.images.push({ name, target });
  }

  drop({ digest }: Descriptor): void {
    this.#blobs.delete(digest);
  }

  async info(): Promise<never> {
    throw new Error("nobody asks");
  }

  async readerAt({ digest }: { digest: Digest }): Promise<ReaderAt> {
    this.reads++;
    const bytes = this.#blobs.get(digest);
    if (!bytes) throw new ErrNotFound(`content ${digest}: not found`);
    return {
      size: bytes.byteLength,
      async readAt(target) {
        target.set(bytes);
        return bytes.byteLength;
      },
      async close() {},
      async [Symbol.asyncDispose]() {},
    };
  }

  #put(mediaType: string, document: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = digestOf(bytes);
    this.#blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }
}

const APP = "docker.io/team/app:v1";
const hex = (digest: Digest): string => digest.slice(digest.indexOf(":") + 1);

/** A text whose digest begins with these digits. */
function configWith(beginning: string, other?: string): string {
  for (let n = 0; ; n++) {
    const text = `${n}`;
    if (text !== other && hex(digestOf(text)).startsWith(beginning)) return text;
  }
}

describe("find()", () => {
  it("finds an image by all that docker takes for one", async () => {
    const shelf = new Shelf();
    const target = shelf.manifest("{}");
    shelf.name(APP, target);
    shelf.name("localhost:5000/copy:latest", target);
    shelf.name("docker.io/library/other:1", shelf.manifest("other"));
    const id = digestOf("{}");
    const expected = { id, target, names: [APP, "localhost:5000/copy:latest"] };
    for (const text of [
      "team/app:v1",
      APP,
      `team/app@${target.digest}`,
      `team/app:gone@${target.digest}`,
      target.digest,
      hex(target.digest),
      id,
      hex(id),
      id.slice(0, 19),
      hex(id).slice(0, 12),
      hex(id).slice(0, 4),
      hex(target.digest).slice(0, 12),
    ]) {
      expect(await shelf.finder.find(text), text).toEqual({ ...expected, name: APP });
    }
    const copy = await shelf.finder.find("localhost:5000/copy");
    expect(copy).toEqual({ ...expected, name: "localhost:5000/copy:latest" });
  });

  it("takes a name before the beginning of an ID, and a whole ID before a name", async () => {
    const shelf = new Shelf();
    const config = configWith("cafe");
    const image = shelf.manifest(config);
    const cafe = shelf.manifest("another");
    shelf.name("docker.io/library/first:1", image);
    expect((await shelf.finder.lookUp("cafe")).target).toEqual(image);
    shelf.name("docker.io/library/cafe:latest", cafe);
    expect((await shelf.finder.lookUp("cafe")).target).toEqual(cafe);
    expect((await shelf.finder.lookUp(hex(digestOf(config)))).target).toEqual(image);
  });

  it("refuses the beginning of several IDs, and names them", async () => {
    const shelf = new Shelf();
    const one = "one";
    const beginning = hex(digestOf(one)).slice(0, 4);
    const other = configWith(beginning, one);
    shelf.name("docker.io/library/one:1", shelf.manifest(one));
    shelf.name("docker.io/library/other:1", shelf.manifest(other));
    const failure = await shelf.finder.find(beginning).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ErrInvalidArgument);
    const { message } = failure as Error;
    expect(message).toContain(`image ${beginning}: got the beginning of 2 IDs, wanted one: `);
    expect([message.includes(digestOf(one)), message.includes(digestOf(other))]).toEqual([true, true]);
    expect((await shelf.finder.find(hex(digestOf(one)).slice(0, 20))).name).toBe("docker.io/library/one:1");
  });

  it("takes one image for one, whatever else has the same ID", async () => {
    const shelf = new Shelf();
    const manifest = shelf.manifest("{}");
    shelf.name("docker.io/library/b:1", shelf.index({ ...manifest, platform: platform("linux/amd64") }));
    shelf.name("docker.io/library/a:1", manifest);
    const found = await shelf.finder.find(hex(digestOf("{}")).slice(0, 12));
    expect(found).toMatchObject({ name: "docker.io/library/a:1", names: ["docker.io/library/a:1"] });
  });

  it("gives an index the ID of the image for this machine, and of another one while that is not here", async () => {
    const shelf = new Shelf();
    const arm = { ...shelf.manifest("arm"), platform: platform("linux/arm64") };
    const amd = { ...shelf.manifest("amd"), platform: platform("linux/amd64") };
    shelf.drop(amd);
    shelf.name(APP, shelf.index(arm, amd));
    expect((await shelf.finder.find(APP)).id).toBe(digestOf("arm"));
    shelf.manifest("amd");
    expect((await shelf.finder.find(APP)).id).toBe(digestOf("amd"));
    expect((await shelf.finder.find(hex(digestOf("arm")).slice(0, 12))).name).toBe(APP);
  });

  it("gives what names no config, or is not here, the digest of its target", async () => {
    const shelf = new Shelf();
    const manifest = shelf.manifest("{}");
    shelf.drop(manifest);
    shelf.name(APP, manifest);
    const blob = { mediaType: "application/octet-stream", digest: digestOf("blob"), size: 4 };
    shelf.name("docker.io/library/blob:1", blob);
    expect((await shelf.finder.find(APP)).id).toBe(manifest.digest);
    expect((await shelf.finder.find("blob:1")).id).toBe(blob.digest);
  });

  it("finds names of other tools as they are spelt", async () => {
    const shelf = new Shelf();
    const target = shelf.manifest("{}");
    shelf.name("MyTag", target);
    expect((await shelf.finder.find("MyTag")).target).toEqual(target);
    expect((await shelf.finder.find(`MyTag`)).names).toEqual(["MyTag"]);
  });

  it.each([
    ["missing", ErrNotFound, "image docker.io/library/missing:latest: not found"],
    ["abcdef", ErrNotFound, "image docker.io/library/abcdef:latest: not found"],
    ["a".repeat(64), ErrNotFound, `image sha256:${"a".repeat(64)}: not found`],
    ["not a name", ErrInvalidArgument, "invalid reference format"],
    ["", ErrInvalidArgument, "invalid reference format"],
    [`other@${digestOf("{}")}`, ErrNotFound, "not found"],
  ])("refuses %o", async (text, kind, message) => {
    const shelf = new Shelf();
    shelf.name(APP, shelf.manifest("{}"));
    const failure = await shelf.finder.find(text).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(kind);
    expect((failure as Error).message).toContain(message);
  });

  it("reads nothing for names, and each document once for the IDs of a thousand images", async () => {
    const shelf = new Shelf();
    const targets = Array.from({ length: 1_000 }, (_, n) => shelf.manifest(`config ${n}`));
    for (const [n, target] of targets.entries()) shelf.name(`docker.io/library/app:${n}`, target);
    await shelf.finder.lookUp("app:7");
    await shelf.finder.lookUp(targets[8]?.digest ?? "");
    expect(shelf.reads).toBe(0);
    for (const n of [1, 500, 999]) {
      const found = await shelf.finder.find(hex(digestOf(`config ${n}`)).slice(0, 12));
      expect(found.name).toBe(`docker.io/library/app:${n}`);
    }
    expect(shelf.reads).toBe(1_000);
  });

  it("ends where documents name each other without end", async () => {
    const shelf = new Shelf();
    let inner = shelf.index();
    for (let depth = 0; depth < 40; depth++) inner = shelf.index(inner, inner);
    shelf.name(APP, inner);
    expect((await shelf.finder.find(APP)).id).toBe(inner.digest);
    expect(shelf.reads).toBe(41);
  });
});

describe("identify()", () => {
  it("tells each target once, with its ID and all its names", async () => {
    const shelf = new Shelf();
    const [one, two] = [shelf.manifest("one"), shelf.manifest("two")];
    shelf.name("docker.io/library/c:1", one);
    shelf.name("docker.io/library/a:1", one);
    shelf.name("docker.io/library/b:1", two);
    expect(await shelf.finder.identify()).toEqual([
      {
        id: digestOf("one"),
        name: "docker.io/library/a:1",
        target: one,
        names: ["docker.io/library/a:1", "docker.io/library/c:1"],
      },
      { id: digestOf("two"), name: "docker.io/library/b:1", target: two, names: ["docker.io/library/b:1"] },
    ]);
  });
});
