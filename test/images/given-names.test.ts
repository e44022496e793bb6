import { expect, it } from "vitest";
import { digestOf } from "../../src/digest/digest.ts";
import { ErrFailedPrecondition, ErrNotFound } from "../../src/errors.ts";
import { GivenNames } from "../../src/images/given-names.ts";
import type { Image, ImageStore } from "../../src/images/image-store.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";

const target: Descriptor = { mediaType: "application/x", digest: digestOf("image"), size: 5 };

const refuse = async (): Promise<void> => {
  throw new ErrFailedPrecondition("not this one");
};

/** Names in memory. */
class Names implements ImageStore {
  readonly #targets = new Map<string, Descriptor>();

  async get(name: string): Promise<Image> {
    const found = this.#targets.get(name);
    if (!found) throw new ErrNotFound(`image ${name}: not found`);
    return { name, target: found };
  }

  async list(): Promise<readonly Image[]> {
    return [...this.#targets].map(([name, found]) => ({ name, target: found }));
  }

  async roots(): Promise<readonly Descriptor[]> {
    return [...this.#targets.values()];
  }

  async tag(name: string, to: Descriptor): Promise<Descriptor | undefined> {
    const before = this.#targets.get(name);
    this.#targets.set(name, to);
    return before;
  }

  async untag(name: string): Promise<Image> {
    const image = await this.get(name);
    this.#targets.delete(name);
    return image;
  }
}

it("GivenNames tell what happens to names, and ask before one goes", async () => {
  const failures: unknown[] = [];
  const names = new GivenNames(new Names(), (error) => void failures.push(error));
  const seen: string[] = [];
  names.events.on("tag", ({ name, digest }) => void seen.push(`tag ${name} ${digest}`));
  names.events.on("untag", ({ name }) => void seen.push(`untag ${name}`));
  names.events.on("untag", () => {
    throw new Error("a listener's own");
  });
  expect(await names.tag("app:v1", target)).toBeUndefined();
  expect(await names.tag("app:v1", target)).toEqual(target);
  expect([await names.list(), await names.roots()]).toEqual([[{ name: "app:v1", target }], [target]]);

  await expect(names.untag("app:v1", { beforehand: refuse })).rejects.toThrow(ErrFailedPrecondition);
  expect(await names.get("app:v1")).toEqual({ name: "app:v1", target });
  expect(await names.untag("app:v1", { beforehand: async () => {} })).toEqual({ name: "app:v1", target });
  await expect(names.untag("app:v1", { beforehand: refuse })).rejects.toThrow(ErrNotFound);
  await names.sweep();
  const tagged = `tag app:v1 ${target.digest}`;
  expect(seen).toEqual([tagged, tagged, "untag app:v1"]);
  expect(failures).toHaveLength(1);
});
